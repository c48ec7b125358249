// Normalisations of rows: RmsNorm and LayerNorm.
//
//   rms_norm, layer_norm            one warp for each span of columns: many short rows
//   rms_norm_wide, layer_norm_wide  one block for each span: few long rows, as in decoding
//
// Which version runs is decided by the number of columns alone. Values are read once for each sum and
// once for the result; all but the first come from the L1 cache. The arithmetic is in norm.cuh.
#include "norm.cuh"

namespace norms {

// The span that this thread works on.
template <int THREADS> __device__ __forceinline__ int64_t span_index() {
    return grid_index() / THREADS;
}

template <int THREADS> __device__ void rms(const struct RmsNorm &a) {
    int64_t span = span_index<THREADS>(), row = span / a.groups, n = a.cols;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    int64_t start = (span - row * a.groups) * n;
    const float *x = a.x + row * a.ldx + start;
    float scale = rms_scale<THREADS>(x, n, a.eps);
    write_span<THREADS>(x, 0, scale, a.weight, nullptr, a.out + row * a.ldo + start, n);
}

template <int THREADS> __device__ void layer(const struct LayerNorm &a) {
    int64_t row = span_index<THREADS>(), n = a.cols;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    const float *x = a.x + row * a.ldx;
    double count = static_cast<double>(n);
    float mean = static_cast<float>(static_cast<double>(sum_of<THREADS>(x, n)) / count);
    double squares = squares_of<THREADS>(x, n, mean);
    float scale = inverse_root(squares / count, a.eps);
    write_span<THREADS>(x, mean, scale, a.weight, a.bias, a.out + row * a.ldo, n);
}

}  // namespace norms

extern "C" __global__ void __launch_bounds__(256)
    rms_norm(const struct RmsNorm a, const Mark mark) {
    begin(mark);
    norms::rms<WARP>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    rms_norm_wide(const struct RmsNorm a, const Mark mark) {
    begin(mark);
    norms::rms<norms::WIDE_THREADS>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    layer_norm(const struct LayerNorm a, const Mark mark) {
    begin(mark);
    norms::layer<WARP>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    layer_norm_wide(const struct LayerNorm a, const Mark mark) {
    begin(mark);
    norms::layer<norms::WIDE_THREADS>(a);
}
