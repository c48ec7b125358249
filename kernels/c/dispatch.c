// The library's index: the instruction sets it was built for and which of them this machine has.
#include "ocellus.h"

#if defined(__x86_64__)

extern const struct kernel kernels_avx2[], kernels_avx512[], kernels_avx512bf16[];

__attribute__((visibility("default"))) struct instruction_set ocellus_instruction_sets[] = {
    {"avx2", 0, kernels_avx2},
    {"avx512", 0, kernels_avx512},
    {"avx512bf16", 0, kernels_avx512bf16},
    {0},
};

// These also ask the operating system whether it keeps the registers.
__attribute__((constructor)) static void detect(void) {
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    int dot = avx512 && __builtin_cpu_supports("avx512bf16")
        && __builtin_cpu_supports("avx512vnni");
    ocellus_instruction_sets[0].supported = avx2;
    ocellus_instruction_sets[1].supported = avx512;
    ocellus_instruction_sets[2].supported = dot;
}

#else

extern const struct kernel kernels_neon[], kernels_neondot[];

__attribute__((visibility("default"))) struct instruction_set ocellus_instruction_sets[] = {
    {"neon", 1, kernels_neon},
    {"neondot", 0, kernels_neondot},
    {0},
};

#if defined(__linux__)
#include <sys/auxv.h>

static int has_dot_products(void) { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#else
// Every Mac of this architecture has them.
static int has_dot_products(void) { return 1; }
#endif

__attribute__((constructor)) static void detect(void) {
    ocellus_instruction_sets[1].supported = has_dot_products();
}

#endif
