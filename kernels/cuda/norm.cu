// Normalisations of rows: RmsNorm and LayerNorm.
//
//   rms_norm, layer_norm            one warp for each span of columns: many short rows
//   rms_norm_wide, layer_norm_wide  one block for each span: few long rows, as in decoding
//   ..._rounded                     the same, of one group, and the output is left in bfloat16: each
//                                   row begins where its float32 row would
//
// Which version runs is decided by the number of columns alone. Values are read once for each sum and
// once for the result; all but the first come from the L1 cache.
#include "norm.cuh"

namespace norms {

template <int THREADS> __device__ float sum_of(const float *x, int64_t n) {
    float s = 0;
    for (int64_t i = threadIdx.x % THREADS * 4; i < n; i += THREADS * 4) {
        float4 v = load_quad(x + i, n - i);
        s += (v.x + v.y) + (v.z + v.w);
    }
    return span_sum<THREADS>(s);
}

// out = (x - mean) * scale * weight + bias, of which mean 0 and a null bias leave no trace.
template <int THREADS, class T>
__device__ void write_span(
    const float *x, float mean, float scale, const float *weight, const float *bias, T *out,
    int64_t n) {
    for (int64_t i = threadIdx.x % THREADS * 4; i < n; i += THREADS * 4) {
        int64_t left = n - i;
        float4 v = load_quad(x + i, left), w = load_quad(weight + i, left);
        v.x = (v.x - mean) * scale * w.x;
        v.y = (v.y - mean) * scale * w.y;
        v.z = (v.z - mean) * scale * w.z;
        v.w = (v.w - mean) * scale * w.w;
        if (bias) {
            float4 b = load_quad(bias + i, left);
            v = make_float4(v.x + b.x, v.y + b.y, v.z + b.z, v.w + b.w);
        }
        store_quad(out + i, left, v);
    }
}

// The span that this thread works on.
template <int THREADS> __device__ __forceinline__ int64_t span_index() {
    return grid_index() / THREADS;
}

template <int THREADS, class T> __device__ void rms(const struct RmsNorm &a) {
    int64_t span = span_index<THREADS>(), row = span / a.groups, n = a.cols;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    int64_t start = (span - row * a.groups) * n;
    const float *x = a.x + row * a.ldx + start;
    float scale = rms_scale(a, squares_of<THREADS>(x, n, 0));
    T *out = output_row<T>(a.out, a.ldo, row) + start;
    write_span<THREADS>(x, 0, scale, a.weight, nullptr, out, n);
}

template <int THREADS, class T> __device__ void layer(const struct LayerNorm &a) {
    int64_t row = span_index<THREADS>(), n = a.cols;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    const float *x = a.x + row * a.ldx;
    double count = static_cast<double>(n);
    float mean = static_cast<float>(static_cast<double>(sum_of<THREADS>(x, n)) / count);
    double squares = squares_of<THREADS>(x, n, mean);
    float scale = inverse_root(squares / count, a.eps);
    T *out = output_row<T>(a.out, a.ldo, row);
    write_span<THREADS>(x, mean, scale, a.weight, a.bias, out, n);
}

}  // namespace norms

#define NORM_KERNEL(name, Norm, threads, T, function)                         \
    extern "C" __global__ void __launch_bounds__(256)                         \
        name(const struct Norm a, const Mark mark) {                          \
        begin(mark);                                                          \
        norms::function<threads, T>(a);                                       \
    }

NORM_KERNEL(rms_norm, RmsNorm, WARP, float, rms)
NORM_KERNEL(rms_norm_wide, RmsNorm, norms::WIDE_THREADS, float, rms)
NORM_KERNEL(layer_norm, LayerNorm, WARP, float, layer)
NORM_KERNEL(layer_norm_wide, LayerNorm, norms::WIDE_THREADS, float, layer)
NORM_KERNEL(rms_norm_rounded, RmsNorm, WARP, bf16, rms)
NORM_KERNEL(rms_norm_wide_rounded, RmsNorm, norms::WIDE_THREADS, bf16, rms)
NORM_KERNEL(layer_norm_rounded, LayerNorm, WARP, bf16, layer)
NORM_KERNEL(layer_norm_wide_rounded, LayerNorm, norms::WIDE_THREADS, bf16, layer)
