// The kernels of one instruction set.
#include "ocellus.h"

#define DECLARE(name, structure)                                           \
    void NS(name)(const struct structure *a, int64_t begin, int64_t end);  \
    int64_t NS(name##_units)(const struct structure *a);

#define ENTRY(name, structure)                                             \
    {#name, sizeof(struct structure) / 8, (run_function *)NS(name),        \
     (units_function *)NS(name##_units)},

KERNELS(DECLARE)
#if defined(__AVX512BF16__)
DOT_KERNELS(DECLARE)
#else
#undef DOT_KERNELS
#define DOT_KERNELS(X)
#endif

const struct kernel NS(kernels)[] = {KERNELS(ENTRY) DOT_KERNELS(ENTRY) {0}};
