// The interface between the Java records of KernelCall and the kernels. The argument structures
// are those of arguments.h.
//
// Every kernel is two functions: NAME_units gives the number of independent units for the counts
// that hold now, and NAME runs the units [begin, end). The split is the kernel's own business.
#ifndef OCELLUS_H
#define OCELLUS_H

#include <stddef.h>
#include <stdint.h>

#include "arguments.h"

struct PackPanels {
    const char *src;
    int64_t sourceType;
    char *dst;
    int64_t panelType;
    int64_t firstPanel;
    int64_t panelStride;
    int64_t rows;
    const int64_t *rowCount;
    int64_t k;
    void *scratch;
};

// The loops of the ceilings; not a KernelCall. A unit is one round of the loop. The kernel adds to
// `work` what it did (bytes read or arithmetic operations) and writes to `sink` so that the
// compiler keeps the loop.
struct Ceiling {
    const char *data;
    int64_t bytes;
    double *work;
    double *sink;
};

// The kernels of every instruction set: name of the functions, argument structure.
#define KERNELS(X)                     \
    X(MatMul, MatMul)                  \
    X(MatMulPack, MatMul)              \
    X(BlockMatMul, MatMul)             \
    X(BlockMatMulPack, MatMul)         \
    X(RmsNorm, RmsNorm)                \
    X(LayerNorm, LayerNorm)            \
    X(Add, Add)                        \
    X(Scale, Scale)                    \
    X(Activate, Activate)              \
    X(GatedActivate, GatedActivate)    \
    X(RopeTable, RopeTable)            \
    X(Rope, Rope)                      \
    X(KvAppend, KvAppend)              \
    X(PagedAttention, PagedAttention)  \
    X(PagedAttentionMerge, PagedAttention) \
    X(Attention, Attention)            \
    X(Gather, Gather)                  \
    X(SelectRows, SelectRows)          \
    X(Patchify, Patchify)              \
    X(AssembleTokens, AssembleTokens)  \
    X(PixelUnshuffle, PixelUnshuffle)  \
    X(PackPanels, PackPanels)          \
    X(ResizeRows, ResizeRows)          \
    X(ResizePlanes, ResizePlanes)      \
    X(Conv2d, Conv2d)                  \
    X(Conv2dPack, Conv2d)              \
    X(GroupNorm, GroupNorm)            \
    X(GroupNormSums, GroupNorm)        \
    X(GroupNormScales, GroupNorm)      \
    X(ReadCeiling, Ceiling)            \
    X(F32Ceiling, Ceiling)

// Those of instruction sets with dot products of bfloat16 and int8.
#define DOT_KERNELS(X)       \
    X(Bf16Ceiling, Ceiling)  \
    X(Int8Ceiling, Ceiling)

typedef void run_function(const void *args, int64_t begin, int64_t end);
typedef int64_t units_function(const void *args);

// What Java reads to bind a kernel by name. `fields` counts the eight-byte fields of the structure.
struct kernel {
    const char *name;
    int64_t fields;
    run_function *run;
    units_function *units;
};

// One instruction set: its kernels end with one without a name; `supported` is 1 where this
// machine can run them. The library's only public symbol is the array of these, worst first,
// which ends with one without a name.
struct instruction_set {
    const char *name;
    int64_t supported;
    const struct kernel *kernels;
};

// Each source file but dispatch.c is compiled once per instruction set, with ISA defined as its
// name, which ends every public symbol.
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NS(name) JOIN(name, ISA)

#define KERNEL(name, structure)                                                       \
    void NS(name)(const struct structure *a, int64_t begin, int64_t end);             \
    void NS(name)(const struct structure *a, int64_t begin, int64_t end)

#define UNITS(name, structure)                            \
    int64_t NS(name##_units)(const struct structure *a);  \
    int64_t NS(name##_units)(const struct structure *a)

// The number of rows that count now.
#define ROW_COUNT(a) ((a)->rowCount ? *(a)->rowCount : (a)->rows)

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static inline int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
