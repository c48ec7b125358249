// Normalisation of spans of columns, as norm.cu and the kernels that normalise on the way do it. The bits
// depend on the number of columns alone, so that they are the same in all.
//
// Each thread sums its quads of a span in ascending order, in float32; partial sums meet in a fixed
// tree; the last operations on a sum are in double precision.
#ifndef OCELLUS_NORM_CUH
#define OCELLUS_NORM_CUH

#include "quad.cuh"

namespace norms {

// A span of up to so many columns is a warp's, a longer one a block's of so many threads.
constexpr int WARP_COLUMNS = 1024;
constexpr int WIDE_THREADS = 256;

// What thread `thread` of THREADS adds to the sum of (x - center)^2.
template <int THREADS>
__device__ __forceinline__ float squares_part(const float *x, int64_t n, float center, int thread) {
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
        for (int64_t i = thread * 4; i < n; i += THREADS * 4) {
            add(*reinterpret_cast<const float4 *>(x + i), 4);
        }
        return s;
    }
    for (int64_t i = thread * 4; i < n; i += THREADS * 4) {
        add(load_quad(x + i, n - i), n - i);
    }
    return s;
}

// The sum over the threads of a span, for all of them.
template <int THREADS> __device__ float span_sum(float v) {
    if constexpr (THREADS == WARP) {
        return warp_sum(v);
    } else {
        __shared__ float parts[WARP];
        return block_sum(v, parts);
    }
}

// Sum of (x - center)^2, for all threads of a span.
template <int THREADS> __device__ float squares_of(const float *x, int64_t n, float center) {
    return span_sum<THREADS>(squares_part<THREADS>(x, n, center, threadIdx.x % THREADS));
}

__device__ __forceinline__ float inverse_root(double mean, double eps) {
    return static_cast<float>(1.0 / sqrt(mean + eps));
}

// What a span whose squares have this sum is multiplied by.
__device__ __forceinline__ float rms_scale(const struct RmsNorm &a, float squares) {
    return inverse_root(static_cast<double>(squares) / static_cast<double>(a.cols), a.eps);
}

__device__ __forceinline__ float rms_value(float x, float scale, float weight) {
    return x * scale * weight;
}

// Floats that rms_scales needs for a row.
constexpr int SCALE_FLOATS = WIDE_THREADS / WARP;

// Puts the factors of the first rows, of one group, into `scales`, for all threads of a block of whole
// warps; every warp does what several of the kernels' do. `parts` is shared memory for SCALE_FLOATS
// a row.
__device__ __forceinline__ void rms_scales(
    const struct RmsNorm &a, int rows, float *parts, float *scales) {
    int warps = static_cast<int>(blockDim.x) / WARP;
    bool wide = a.cols > WARP_COLUMNS;
    int spanWarps = wide ? WIDE_THREADS / WARP : 1;
    for (int i = warp_index(); i < rows * spanWarps; i += warps) {
        const float *x = a.x + i / spanWarps * a.ldx;
        int thread = i % spanWarps * WARP + lane_index();
        float part = wide ? squares_part<WIDE_THREADS>(x, a.cols, 0, thread)
                          : squares_part<WARP>(x, a.cols, 0, thread);
        part = warp_sum(part);
        if (lane_index() == 0) {
            parts[i] = part;
        }
    }
    __syncthreads();
    for (int row = warp_index(); row < rows; row += warps) {
        // Of a single part the zeros leave the bits as they are.
        float squares =
            warp_sum(lane_index() < spanWarps ? parts[row * spanWarps + lane_index()] : 0);
        if (lane_index() == 0) {
            scales[row] = rms_scale(a, squares);
        }
    }
    __syncthreads();
}

}  // namespace norms

#endif
