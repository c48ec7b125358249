// Keys and values go into the pages of a cache: see KernelCall.KvAppend.
//
//   kv_append           caches of F32, F16 and BF16: one element a thread
//   kv_append_blocks    caches of Q8: a warp makes a block, one element a lane
//
// The keys, and the values, of a page are [kvHeads][pageTokens] rows without gaps, of headDim elements
// or of the blocks of Q8.
#include "cache.cuh"

// Grid (elements of a row's heads; rows); keys and values are two halves of the row.
extern "C" __global__ void __launch_bounds__(256)
    kv_append(const __grid_constant__ struct KvAppend a, const Mark mark) {
    begin(mark);
    int64_t cols = a.kvHeads * a.headDim;
    int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
    if (i >= 2 * cols) {
        return;
    }
    bool values = i >= cols;
    int64_t column = values ? i - cols : i, head = column / a.headDim;
    int64_t element = column - head * a.headDim;
    for (int64_t row = blockIdx.y; row < ROW_COUNT(a); row += gridDim.y) {
        float x = values ? a.v[row * a.ldv + column] : a.k[row * a.ldk + column];
        char *to = cache_row(a, row, head, values ? a.vOffset : a.kOffset);
        switch (a.cacheType) {
            case DTYPE_F32: reinterpret_cast<float *>(to)[element] = x; break;
            case DTYPE_F16: reinterpret_cast<f16 *>(to)[element] = from_float<f16>(x); break;
            default: reinterpret_cast<bf16 *>(to)[element] = from_float<bf16>(x);
        }
    }
}

// Grid (blocks of a row's heads, a warp each; rows); keys and values are two halves of the row.
extern "C" __global__ void __launch_bounds__(256)
    kv_append_blocks(const __grid_constant__ struct KvAppend a, const Mark mark) {
    begin(mark);
    int64_t blocks = ceil_div(a.headDim, Q8_ELEMENTS), half = a.kvHeads * blocks;
    int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x / WARP) + warp_index();
    if (i >= 2 * half) {
        return;
    }
    bool values = i >= half;
    int64_t head = (values ? i - half : i) / blocks, block = i % blocks;
    int64_t element = block * Q8_ELEMENTS + lane_index();
    for (int64_t row = blockIdx.y; row < ROW_COUNT(a); row += gridDim.y) {
        const float *from = values ? a.v + row * a.ldv : a.k + row * a.ldk;
        float x = element < a.headDim ? from[head * a.headDim + element] : 0;
        char *to = cache_row(a, row, head, values ? a.vOffset : a.kOffset) + block * Q8_BYTES;
        store_cache_block(to, x);
    }
}
