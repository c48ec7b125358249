// The activations of products of few rows, as they are or normalised on the way, in shared memory.
#ifndef OCELLUS_FEW_ROWS_CUH
#define OCELLUS_FEW_ROWS_CUH

#include "norm.cuh"
#include "product.cuh"

// Rows as they are in memory.
class PlainRows {
  public:
    __device__ __forceinline__ PlainRows(const float *x, int64_t ldx, int64_t cols)
        : x(x), ldx(ldx), cols(cols), aligned(rows_aligned(x, ldx)) {}

    // Whether rows are of whole eights that lie where 16-byte loads may be used.
    __device__ __forceinline__ bool is_whole() const { return aligned && cols % 8 == 0; }

    // Eight columns of a row; zero past its end.
    __device__ __forceinline__ void load(float (&out)[8], int row, int64_t k, bool whole) const {
        if (!whole) {
            load_eight(out, x + row * ldx + k, cols - k, false);
            return;
        }
        load_eight(out, x + row * ldx + (k < cols ? k : 0), 8, true);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            out[i] = k < cols ? out[i] : 0;
        }
    }

  private:
    const float *x;
    int64_t ldx, cols;
    bool aligned;
};

// Rows normalised by the scales that rms_scales has left.
class NormedRows {
  public:
    __device__ __forceinline__ NormedRows(const RmsNorm &norm, const float *scales)
        : rows(norm.x, norm.ldx, norm.cols), weight(norm.weight, 0, norm.cols), scales(scales) {}

    __device__ __forceinline__ bool is_whole() const {
        return rows.is_whole() && weight.is_whole();
    }

    __device__ __forceinline__ void load(float (&out)[8], int row, int64_t k, bool whole) const {
        float w[8];
        rows.load(out, row, k, whole);
        weight.load(w, 0, k, whole);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            out[i] = norms::rms_value(out[i], scales[row], w[i]);
        }
    }

  private:
    PlainRows rows, weight;
    const float *scales;
};

__device__ __forceinline__ void store_eight(bf16 *to, const float (&v)[8]) {
    *reinterpret_cast<uint4 *>(to) = {pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]),
                                      pack_bf16(v[4], v[5]), pack_bf16(v[6], v[7])};
}

__device__ __forceinline__ void store_eight(float *to, const float (&v)[8]) {
    float4 *out = reinterpret_cast<float4 *>(to);
    out[0] = make_float4(v[0], v[1], v[2], v[3]);
    out[1] = make_float4(v[4], v[5], v[6], v[7]);
}

template <bool WHOLE, class T, class Rows>
__device__ __forceinline__ void bring_eights(T *to, int pitch, const Rows &source, int rows,
                                             int64_t from, int columns) {
    constexpr int BATCH = 4;  // of a thread, under way together
    int eights = columns / 8, all = rows * eights, step = blockDim.x;
    for (int first = threadIdx.x; first < all; first += BATCH * step) {
        float values[BATCH][8];
#pragma unroll
        for (int b = 0; b < BATCH; b++) {
            int v = min(first + b * step, all - 1);
            source.load(values[b], v / eights, from + v % eights * 8, WHOLE);
        }
#pragma unroll
        for (int b = 0; b < BATCH; b++) {
            int v = first + b * step;
            if (v < all) {
                store_eight(to + v / eights * pitch + v % eights * 8, values[b]);
            }
        }
    }
}

// Brings columns [from, from + columns) of all rows to shared memory, where rows are `pitch`
// elements apart; for all threads of the block on return.
template <class T, class Rows>
__device__ __forceinline__ void bring(T *to, int pitch, const Rows &source, int rows, int64_t from,
                                      int columns) {
    if (source.is_whole()) {
        bring_eights<true>(to, pitch, source, rows, from, columns);
    } else {
        bring_eights<false>(to, pitch, source, rows, from, columns);
    }
    __syncthreads();
}

#endif
