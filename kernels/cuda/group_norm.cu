// Group normalisation in three launches, as all of an image decides each of its pixels. Squares are
// summed around the mean of their block (Chan, Golub and LeVeque 1979).
//
//   group_norm_sums    one thread for a channel of a block of pixels: sums and sums of squares
//   group_norm_scales  one block for a group of an image: the mean and factor of each channel, from
//                      sums in double precision
//   group_norm         the rest, one thread for four channels of a pixel
//
// Scratch memory of an image: for each block the sums and then the sums of squares of all channels;
// after them the means and factors. ConvKernels counts the same.
#include "quad.cuh"

namespace group {

constexpr int BLOCK_PIXELS = 64;

__device__ __forceinline__ int64_t blocks(const struct GroupNorm &a) {
    return ceil_div(a.pixels, BLOCK_PIXELS);
}

__device__ __forceinline__ float *image_scratch(const struct GroupNorm &a, int64_t image) {
    return static_cast<float *>(a.scratch) + image * (blocks(a) + 1) * 2 * a.cols;
}

__device__ __forceinline__ double warp_sum_double(double x) {
#pragma unroll
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        x += __shfl_xor_sync(ALL_LANES, x, distance);
    }
    return x;
}

__device__ __forceinline__ double block_sum_double(double x) {
    __shared__ double parts[WARP];
    x = warp_sum_double(x);
    __syncthreads();  // those of the last sum have been read
    if (lane_index() == 0) {
        parts[warp_index()] = x;
    }
    __syncthreads();
    int warps = static_cast<int>(blockDim.x) / WARP;
    return warp_sum_double(lane_index() < warps ? parts[lane_index()] : 0);
}

}  // namespace group

extern "C" __global__ void __launch_bounds__(256)
    group_norm_sums(const struct GroupNorm a, const Mark mark) {
    begin(mark);
    int64_t unit = grid_index() / a.cols, channel = grid_index() - unit * a.cols;
    int64_t blocks = group::blocks(a), image = unit / blocks, block = unit - image * blocks;
    if (image >= ROW_COUNT(a)) {
        return;
    }
    int64_t first = block * group::BLOCK_PIXELS;
    int pixels = static_cast<int>(min_i64(group::BLOCK_PIXELS, a.pixels - first));
    const float *x = a.x + (image * a.pixels + first) * a.ldx + channel;
    float sum = 0, squares = 0;
    for (int p = 0; p < pixels; p++) {
        sum += x[p * a.ldx];
    }
    float mean = sum / static_cast<float>(pixels);
    for (int p = 0; p < pixels; p++) {
        float d = x[p * a.ldx] - mean;
        squares = fmaf(d, d, squares);
    }
    float *sums = group::image_scratch(a, image) + block * 2 * a.cols + channel;
    sums[0] = sum;
    sums[a.cols] = squares;
}

extern "C" __global__ void __launch_bounds__(256)
    group_norm_scales(const struct GroupNorm a, const Mark mark) {
    begin(mark);
    int64_t image = blockIdx.x / a.groups;
    if (image >= ROW_COUNT(a)) {
        return;
    }
    int64_t channels = a.cols / a.groups, first = (blockIdx.x - image * a.groups) * channels;
    int64_t blocks = group::blocks(a), entries = blocks * channels;
    const float *sums = group::image_scratch(a, image) + first;
    double sum = 0, squares = 0;
    for (int64_t i = threadIdx.x; i < entries; i += blockDim.x) {
        int64_t block = i / channels, c = i - block * channels;
        sum += static_cast<double>(sums[block * 2 * a.cols + c]);
    }
    double count = static_cast<double>(a.pixels * channels);
    double mean = group::block_sum_double(sum) / count;
    for (int64_t i = threadIdx.x; i < entries; i += blockDim.x) {
        int64_t block = i / channels, c = i - block * channels;
        const float *s = sums + block * 2 * a.cols + c;
        int64_t left = a.pixels - block * group::BLOCK_PIXELS;
        double pixels = static_cast<double>(min_i64(group::BLOCK_PIXELS, left));
        double d = static_cast<double>(s[0]) / pixels - mean;
        squares += static_cast<double>(s[a.cols]) + pixels * d * d;
    }
    double variance = group::block_sum_double(squares) / count;
    float scale = static_cast<float>(1.0 / sqrt(variance + a.eps));
    float *means = group::image_scratch(a, image) + blocks * 2 * a.cols + first;
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x) {
        means[c] = static_cast<float>(mean);
        means[a.cols + c] = scale * a.weight[first + c];
    }
}

extern "C" __global__ void __launch_bounds__(256)
    group_norm(const struct GroupNorm a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    int64_t image = q.row / a.pixels;
    if (image >= ROW_COUNT(a)) {
        return;
    }
    const float *means = group::image_scratch(a, image) + group::blocks(a) * 2 * a.cols + q.col;
    float4 v = load_quad(a.x + q.row * a.ldx + q.col, q.left);
    float4 m = load_quad(means, q.left), s = load_quad(means + a.cols, q.left);
    float4 b = load_quad(a.bias + q.col, q.left);
    v.x = activate((v.x - m.x) * s.x + b.x, a.activation);
    v.y = activate((v.y - m.y) * s.y + b.y, a.activation);
    v.z = activate((v.z - m.z) * s.z + b.z, a.activation);
    v.w = activate((v.w - m.w) * s.w + b.w, a.activation);
    store_quad(a.out + q.row * a.ldo + q.col, q.left, v);
}
