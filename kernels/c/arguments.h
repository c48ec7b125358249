// The argument structures of the kernels, for the C and the CUDA kernels.
//
// Each has the components of the record of KernelCall of the same name, in the same order, eight
// bytes each (enums as ordinals), followed by the address of the scratch memory. What the operands
// mean is said there, and only there.
#ifndef OCELLUS_ARGUMENTS_H
#define OCELLUS_ARGUMENTS_H

#include <stdint.h>

enum { PANEL = 16 };

enum dtype {
    DTYPE_F32 = 1,
    DTYPE_F16 = 2,
    DTYPE_BF16 = 3,
    DTYPE_Q8 = 15,
    DTYPE_Q4 = 16,
    DTYPE_F8 = 17
};

enum compute { COMPUTE_F32, COMPUTE_BF16, COMPUTE_INT8, COMPUTE_F16 };

enum activation {
    ACTIVATION_NONE,
    ACTIVATION_GELU,
    ACTIVATION_QUICK_GELU,
    ACTIVATION_SILU,
    ACTIVATION_GELU_TANH,
    ACTIVATION_RELU
};

struct MatMul {
    const float *x;
    int64_t ldx;
    const char *w;
    int64_t wType;
    const float *bias;
    const float *scale;
    const float *residual;
    int64_t ldr;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t n;
    int64_t k;
    int64_t compute;
    int64_t activation;
    int64_t gated;
    void *scratch;
};

struct RmsNorm {
    const float *x;
    int64_t ldx;
    const float *weight;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t groups;
    int64_t cols;
    double eps;
    void *scratch;
};

struct LayerNorm {
    const float *x;
    int64_t ldx;
    const float *weight;
    const float *bias;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t cols;
    double eps;
    void *scratch;
};

struct Add {
    const float *a;
    int64_t lda;
    const float *b;
    int64_t ldb;
    int64_t bRows;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t cols;
    void *scratch;
};

struct Scale {
    const float *x;
    int64_t ldx;
    const float *scale;
    const float *residual;
    int64_t ldr;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t cols;
    void *scratch;
};

struct Activate {
    const float *x;
    int64_t ldx;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t cols;
    int64_t activation;
    void *scratch;
};

struct GatedActivate {
    const float *gate;
    int64_t ldg;
    const float *up;
    int64_t ldu;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t cols;
    int64_t activation;
    void *scratch;
};

struct RopeTable {
    const int32_t *position;
    const int32_t *sequence;
    const float *invFreq;
    const float *scale;
    float *out;
    int64_t rows;
    const int64_t *rowCount;
    int64_t half;
    void *scratch;
};

struct Rope {
    const float *x;
    int64_t ldx;
    const float *table;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t heads;
    int64_t headDim;
    int64_t half;
    void *scratch;
};

struct KvAppend {
    const float *k;
    int64_t ldk;
    const float *v;
    int64_t ldv;
    const int32_t *sequence;
    const int32_t *slot;
    char *const *pages;
    int64_t maxPages;
    int64_t pageTokens;
    int64_t kOffset;
    int64_t vOffset;
    int64_t cacheType;
    int64_t rows;
    const int64_t *rowCount;
    int64_t kvHeads;
    int64_t headDim;
    void *scratch;
};

struct PagedAttention {
    const float *q;
    int64_t ldq;
    const int32_t *sequence;
    const int32_t *slot;
    const char *const *pages;
    int64_t maxPages;
    int64_t pageTokens;
    int64_t kOffset;
    int64_t vOffset;
    int64_t cacheType;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t heads;
    int64_t kvHeads;
    int64_t headDim;
    double scale;
    int64_t window;
    int64_t compute;
    void *scratch;
};

struct Attention {
    const float *q;
    int64_t ldq;
    const float *k;
    int64_t ldk;
    const float *v;
    int64_t ldv;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t queryLength;
    int64_t keyLength;
    int64_t heads;
    int64_t kvHeads;
    int64_t headDim;
    double scale;
    int64_t compute;
    void *scratch;
};

struct Gather {
    const char *table;
    int64_t tableType;
    int64_t packed;
    int64_t tableRows;
    const int32_t *ids;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t cols;
    void *scratch;
};

struct SelectRows {
    const float *x;
    int64_t ldx;
    const float *y;
    int64_t ldy;
    const int32_t *index;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t cols;
    void *scratch;
};

struct Patchify {
    const float *pixels;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t channels;
    int64_t height;
    int64_t width;
    int64_t patch;
    void *scratch;
};

struct AssembleTokens {
    const float *patches;
    int64_t ldp;
    const float *cls;
    const float *position;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t tokens;
    int64_t cols;
    void *scratch;
};

struct PixelUnshuffle {
    const float *x;
    int64_t ldx;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t skip;
    int64_t height;
    int64_t width;
    int64_t cols;
    int64_t block;
    int64_t transposed;
    void *scratch;
};

struct ResizeRows {
    const uint8_t *x;
    int64_t ldx;
    const int32_t *first;
    const int32_t *weights;
    int64_t taps;
    uint8_t *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t inCols;
    int64_t cols;
    void *scratch;
};

struct ResizePlanes {
    const uint8_t *x;
    int64_t ldx;
    int64_t ring;
    const int32_t *first;
    const int32_t *weights;
    int64_t taps;
    const float *table;
    float *out;
    int64_t ldo;
    int64_t planeStride;
    int64_t rows;
    const int64_t *rowCount;
    int64_t cols;
    void *scratch;
};

struct Conv2d {
    const float *x;
    int64_t ldx;
    const char *w;
    int64_t wType;
    const float *bias;
    const float *residual;
    int64_t ldr;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t height;
    int64_t width;
    int64_t inCols;
    int64_t outHeight;
    int64_t outWidth;
    int64_t n;
    int64_t kernelHeight;
    int64_t kernelWidth;
    int64_t stride;
    int64_t dilation;
    int64_t padTop;
    int64_t padLeft;
    int64_t compute;
    int64_t activation;
    void *scratch;
};

struct GroupNorm {
    const float *x;
    int64_t ldx;
    const float *weight;
    const float *bias;
    float *out;
    int64_t ldo;
    int64_t rows;
    const int64_t *rowCount;
    int64_t pixels;
    int64_t cols;
    int64_t groups;
    double eps;
    int64_t activation;
    void *scratch;
};

#endif
