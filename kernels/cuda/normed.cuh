// RMS normalisation as the first part of a product, for the rows that a block multiplies.
#ifndef OCELLUS_NORMED_CUH
#define OCELLUS_NORMED_CUH

#include "norm.cuh"

// `norm` has one group of the product's columns, and its rows; what it would write is not written,
// and the product's x not read. Where its weight is null there is no norm.
struct NormedMatMul {
    struct RmsNorm norm;
    struct MatMul product;
};

namespace norms {

// Floats that rms_scales needs for a row.
constexpr int SCALE_FLOATS = WIDE_THREADS / WARP;

// Puts the factors of the first rows into `scales`, for all threads of a block of whole warps. They
// are those of the kernels rms_norm and rms_norm_wide, of whose threads every warp does the parts of
// several. `parts` is shared memory for SCALE_FLOATS a row.
__device__ __forceinline__ void rms_scales(
    const RmsNorm &a, int rows, float *parts, float *scales) {
    int warps = static_cast<int>(blockDim.x) / WARP;
    int spanWarps = a.cols <= WARP_COLUMNS ? 1 : WIDE_THREADS / WARP;
    for (int i = warp_index(); i < rows * spanWarps; i += warps) {
        int thread = i % spanWarps * WARP + lane_index();
        float part =
            squares_part(a.x + i / spanWarps * a.ldx, a.cols, 0, thread, spanWarps * WARP);
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
            scales[row] = rms_scale(squares, a.cols, a.eps);
        }
    }
    __syncthreads();
}

}  // namespace norms

#endif
