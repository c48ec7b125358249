// Sums over spans of columns, as norm.cu and the products that normalise their activations
// themselves make them: the same bits in both.
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

__device__ __forceinline__ float inverse_root(double mean, double eps) {
    return static_cast<float>(1.0 / sqrt(mean + eps));
}

// What a row whose squares have this sum is multiplied by.
__device__ __forceinline__ float rms_scale(const struct RmsNorm &a, float squares) {
    return inverse_root(static_cast<double>(squares) / static_cast<double>(a.cols), a.eps);
}

__device__ __forceinline__ float rms_value(float x, float scale, float weight) {
    return x * scale * weight;
}

// For a block of THREADS threads: scales[r] of rows r below `rows`, at most ROWS, of one group, in
// shared memory that all threads may read on return. Rows share the barriers.
template <int THREADS, int ROWS>
__device__ void rms_scales(const struct RmsNorm &a, int rows, float *scales) {
    constexpr int WARPS = THREADS / WARP, PARTS = WIDE_THREADS / WARP;
    __shared__ float parts[ROWS][PARTS];
    if (a.cols <= WARP_COLUMNS) {
        for (int r = warp_index(); r < rows; r += WARPS) {
            float sum = squares_part<WARP>(a.x + r * a.ldx, a.cols, 0, lane_index());
            float scale = rms_scale(a, warp_sum(sum));
            if (lane_index() == 0) {
                scales[r] = scale;
            }
        }
        __syncthreads();
        return;
    }
    for (int part = warp_index(); part < PARTS; part += WARPS) {
        for (int r = 0; r < rows; r++) {
            int thread = part * WARP + lane_index();
            float sum = squares_part<WIDE_THREADS>(a.x + r * a.ldx, a.cols, 0, thread);
            sum = warp_sum(sum);
            if (lane_index() == 0) {
                parts[r][part] = sum;
            }
        }
    }
    __syncthreads();
    for (int r = warp_index(); r < rows; r += WARPS) {
        float sum = warp_sum(lane_index() < PARTS ? parts[r][lane_index()] : 0);
        if (lane_index() == 0) {
            scales[r] = rms_scale(a, sum);
        }
    }
    __syncthreads();
}

}  // namespace norms

#endif
