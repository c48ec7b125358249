// What the kernels of linear layers share: which weight rows make an output, loads of any
// alignment, and what follows the sums.
#ifndef OCELLUS_PRODUCT_CUH
#define OCELLUS_PRODUCT_CUH

#include "device.cuh"

// Most rows of activations for which a product is bound by the bytes of its weights.
constexpr int FEW_ROWS = 8;

// The last of what follows a sum.
__device__ __forceinline__ float finished(const MatMul &a, float v, float factor,
                                          float residual) {
    return a.residual ? __fmaf_rn(v, factor, residual) : __fmul_rn(v, factor);
}

// What follows the sum of an output, loaded ahead of it:
// out[row, j] = residual + scale * act(sum + bias), or residual + act(gate) * up. The operations are
// spelled out: contracted in one kernel and not in another, they would give a row other bits.
struct Finish {
    float bias, scale, residual;

    __device__ __forceinline__ void load(const MatMul &a, int64_t row, int64_t j) {
        bias = a.bias ? a.bias[j] : 0;
        scale = a.scale ? a.scale[j] : 1;
        residual = a.residual ? a.residual[row * a.ldr + j] : 0;
    }

    __device__ __forceinline__ void store(const MatMul &a, int64_t row, int64_t j,
                                          float sum) const {
        put(a, row, j, activate(a.bias ? __fadd_rn(sum, bias) : sum, a.activation), scale);
    }

    __device__ __forceinline__ void store_gated(const MatMul &a, int64_t row, int64_t j,
                                                float gate, float up) const {
        put(a, row, j, activate(gate, a.activation), up);
    }

  private:
    __device__ __forceinline__ void put(const MatMul &a, int64_t row, int64_t j, float v,
                                        float factor) const {
        a.out[row * a.ldo + j] = finished(a, v, factor, residual);
    }
};

__device__ __forceinline__ void finish(const MatMul &a, int64_t row, int64_t j, float sum) {
    Finish f;
    f.load(a, row, j);
    f.store(a, row, j, sum);
}

__device__ __forceinline__ void finish_gated(const MatMul &a, int64_t row, int64_t j, float gate,
                                             float up) {
    Finish f;
    f.load(a, row, j);
    f.store_gated(a, row, j, gate, up);
}

// The rows of plain weights are taken in strips of 16: so many outputs, or of a gated layer the
// gate rows of eight outputs and then their up rows.
constexpr int STRIP = 16;

__device__ __forceinline__ int64_t strip_output(const MatMul &a, int64_t strip, int i) {
    return a.gated ? strip * (STRIP / 2) + i % (STRIP / 2) : strip * STRIP + i;
}

// The row of w that is row i of a strip. For an output that does not exist it is the last one's,
// whose sum nobody asks for.
__device__ __forceinline__ int64_t strip_row(const MatMul &a, int64_t strip, int i) {
    int64_t output = min_i64(strip_output(a, strip, i), a.n - 1);
    return a.gated && i >= STRIP / 2 ? a.n + output : output;
}

// Rows i and i + 8 of a strip, i below 8: gate and up of output j, or outputs j and j + 8.
__device__ __forceinline__ void finish_pair(const MatMul &a, int64_t row, int64_t j, float low,
                                            float high, int64_t rows) {
    if (row >= rows || j >= a.n) {
        return;
    }
    if (a.gated) {
        finish_gated(a, row, j, low, high);
        return;
    }
    finish(a, row, j, low);
    if (j + STRIP / 2 < a.n) {
        finish(a, row, j + STRIP / 2, high);
    }
}

// Whether 16-byte loads may be used along rows that are `ld` elements apart.
template <class T> __device__ __forceinline__ bool rows_aligned(const T *rows, int64_t ld) {
    return is_aligned16(rows) && ld * sizeof(T) % 16 == 0;
}

// VECTOR<T> elements as they are, from p on; those past the first `valid` are zero and not read.
// Where `whole`, all are valid and p is 16-byte aligned: what holds for many loads is best asked
// once, so that they are issued together.
template <class T>
__device__ __forceinline__ uint4 load_bits(const T *p, int64_t valid, bool whole) {
    if (whole) {
        return *reinterpret_cast<const uint4 *>(p);
    }
    uint4 words = {0, 0, 0, 0};
    T *elements = reinterpret_cast<T *>(&words);
#pragma unroll
    for (int i = 0; i < VECTOR<T>; i++) {
        if (i < valid) {
            elements[i] = p[i];
        }
    }
    return words;
}

// The same of eight elements, widened.
template <class T>
__device__ __forceinline__ void load_eight(float (&out)[8], const T *p, int64_t valid,
                                           bool whole) {
#pragma unroll
    for (int v = 0; v < 8; v += VECTOR<T>) {
        uint4 words = load_bits(p + v, valid - v, whole);
        const T *elements = reinterpret_cast<const T *>(&words);
#pragma unroll
        for (int i = 0; i < VECTOR<T>; i++) {
            out[v + i] = to_float(elements[i]);
        }
    }
}

// Eight elements of float32, rounded to bfloat16.
__device__ __forceinline__ uint4 load_rounded(const float *p, int64_t valid, bool whole) {
    float v[8];
    load_eight(v, p, valid, whole);
    return {pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]),
            pack_bf16(v[6], v[7])};
}

// ---- products in bfloat16 ----------------------------------------------------------------------
// They are summed in ranges of columns, whose sums are added in ascending order. In a range every mma
// takes the same columns in all kernels: lane t's 16 bytes of a row hold four of each of two
// operations, which needs no other shuffling than the weights' and the activations' being the same.

// Columns that are summed before their sum is added to the others'.
constexpr int RANGE = 256;

// Columns of two mma, of which lane t holds 16 bytes.
constexpr int PAIR = 32;

// d += the products of 32 columns: weight rows g and g + 8 with row g of the activations.
__device__ __forceinline__ void mma_pair(float (&d)[4], const uint4 &low, const uint4 &high,
                                         const uint4 &x) {
    uint32_t first[4] = {low.x, high.x, low.y, high.y};
    mma_bf16(d, first, x.x, x.y);
    uint32_t second[4] = {low.z, high.z, low.w, high.w};
    mma_bf16(d, second, x.z, x.w);
}

#endif
