// Normalisation of a span of columns by a warp or a block: the bits depend on the number of columns and
// of threads alone, so that every kernel that normalises has those of norm.cu.
//
// Each thread sums its quads of the span in ascending order, in float32; partial sums meet in a
// fixed tree; the last operations on a sum are in double precision.
#ifndef OCELLUS_NORM_CUH
#define OCELLUS_NORM_CUH

#include "quad.cuh"

namespace norms {

// Up to so many columns a warp takes a span of them, beyond a block of so many threads.
constexpr int64_t WARP_COLUMNS = 1024;
constexpr int WIDE_THREADS = 256;

// The sum over the threads of a span, for all of them.
template <int THREADS> __device__ float span_sum(float v) {
    if constexpr (THREADS == WARP) {
        return warp_sum(v);
    } else {
        __shared__ float parts[WARP];
        return block_sum(v, parts);
    }
}

template <int THREADS> __device__ float sum_of(const float *x, int64_t n) {
    float s = 0;
    for (int64_t i = threadIdx.x % THREADS * 4; i < n; i += THREADS * 4) {
        float4 v = load_quad(x + i, n - i);
        s += (v.x + v.y) + (v.z + v.w);
    }
    return span_sum<THREADS>(s);
}

// What one of the threads of a span adds to the sum of (x - center)^2.
__device__ __forceinline__ float squares_part(
    const float *x, int64_t n, float center, int thread, int threads) {
    float s = 0;
    auto add = [&](float4 v, int64_t left) {
        float a = v.x - center;
        float b = left > 1 ? v.y - center : 0.0f;
        float c = left > 2 ? v.z - center : 0.0f;
        float d = left > 3 ? v.w - center : 0.0f;
        s = fmaf(d, d, fmaf(c, c, fmaf(b, b, fmaf(a, a, s))));
    };
    if (aligned_to(x, 16) && n % 4 == 0) {
        // Asked once for all, so that several loads are under way.
#pragma unroll 4
        for (int64_t i = thread * 4; i < n; i += threads * 4) {
            add(*reinterpret_cast<const float4 *>(x + i), 4);
        }
        return s;
    }
    for (int64_t i = thread * 4; i < n; i += threads * 4) {
        add(load_quad(x + i, n - i), n - i);
    }
    return s;
}

template <int THREADS> __device__ float squares_of(const float *x, int64_t n, float center) {
    return span_sum<THREADS>(squares_part(x, n, center, threadIdx.x % THREADS, THREADS));
}

__device__ __forceinline__ float inverse_root(double mean, double eps) {
    return static_cast<float>(1.0 / sqrt(mean + eps));
}

// (x - mean) * scale * weight, of which mean 0 leaves no trace.
__device__ __forceinline__ float normalised(float x, float mean, float scale, float weight) {
    return (x - mean) * scale * weight;
}

__device__ __forceinline__ float4 normalised(float4 x, float mean, float scale, float4 weight) {
    return make_float4(
        normalised(x.x, mean, scale, weight.x), normalised(x.y, mean, scale, weight.y),
        normalised(x.z, mean, scale, weight.z), normalised(x.w, mean, scale, weight.w));
}

// The factor of an RMS norm of n values.
__device__ __forceinline__ float rms_scale(float squares, int64_t n, double eps) {
    return inverse_root(static_cast<double>(squares) / static_cast<double>(n), eps);
}

template <int THREADS> __device__ float rms_scale(const float *x, int64_t n, double eps) {
    return rms_scale(squares_of<THREADS>(x, n, 0), n, eps);
}

// out = (x - mean) * scale * weight + bias, of which mean 0 and a null bias leave no trace.
template <int THREADS>
__device__ void write_span(
    const float *x, float mean, float scale, const float *weight, const float *bias, float *out,
    int64_t n) {
    for (int64_t i = threadIdx.x % THREADS * 4; i < n; i += THREADS * 4) {
        int64_t left = n - i;
        float4 v = load_quad(x + i, left), w = load_quad(weight + i, left);
        v = normalised(v, mean, scale, w);
        if (bias) {
            float4 b = load_quad(bias + i, left);
            v = make_float4(v.x + b.x, v.y + b.y, v.z + b.z, v.w + b.w);
        }
        store_quad(out + i, left, v);
    }
}

}  // namespace norms

#endif
