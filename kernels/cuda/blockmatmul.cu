// Linear layers with weights of block types, which are panels as on the CPU, with activations that
// are rounded in blocks of 32: to int8 for Q8 and Q4, whose products are summed exactly, to float16
// for F8, whose products are summed in float32, both on tensor cores. Blocks follow in one chain of
// fused multiply-adds in ascending k. So the bits of Q8 and Q4 are the CPU's up to what follows the
// sums.
//
// Kernels, with the rows of activations they are for; each ends in _q8, _q4 or _f8 for its weights:
//
//   blockmatmul_one      1: streams of the weights through rings in shared memory; the activations
//                        are rounded by every block for itself, after an RMS norm with the bits of
//                        rms_norm or without one
//   blockmatmul_few      1 to 8: the same
//   blockmatmul_round    any number: rounded activations with their scales, for the next and for the
//                        last where they are many; without an ending for Q8 and Q4
//   blockmatmul_narrow   any number, best for 9 to 128: tiles of some panels and at most 128 rows, a
//                        warp has one panel times 16 rows; weights that are more than the cache
//                        holds are read once
//   blockmatmul_tile     any number: tiles of 128 weight rows times 128 rows, a warp has two panels
//                        times 64 rows: most work for each load
#include "block_few.cuh"
#include "block_tile.cuh"

// ---- few rows ----------------------------------------------------------------------------------

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_one_q8(const NormedMatMul a, const Mark mark) {
    few::multiply<Q8, 1>(a, mark);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_one_q4(const NormedMatMul a, const Mark mark) {
    few::multiply<Q4, 1>(a, mark);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_one_f8(const NormedMatMul a, const Mark mark) {
    few::multiply<F8, 1>(a, mark);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_few_q8(const NormedMatMul a, const Mark mark) {
    few::multiply<Q8, FEW_ROWS>(a, mark);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_few_q4(const NormedMatMul a, const Mark mark) {
    few::multiply<Q4, FEW_ROWS>(a, mark);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_few_f8(const NormedMatMul a, const Mark mark) {
    few::multiply<F8, FEW_ROWS>(a, mark);
}

// ---- many rows ---------------------------------------------------------------------------------

// Block: 128 threads; four lanes round a block of row blockIdx.x. Rows past the last make whole
// eights and are zero.
template <class A>
__device__ __forceinline__ void round_row(const MatMul &a, const Mark &mark) {
    begin(mark);
    int64_t row = blockIdx.x, block = static_cast<int64_t>(blockIdx.y) * 32 + threadIdx.x / 4;
    int t = threadIdx.x % 4;
    int64_t rows = ROW_COUNT(a);
    if (row >= ceil_div(rows, 8) * 8) {
        return;
    }
    BlockWords words;
    typename A::Words q;
    words.load(a.x + row * a.ldx, block * BLOCK + 4 * t, row < rows ? a.k : 0,
               rows_aligned(a.x, a.ldx));
    float scale = A::round(words, q);
    if (block < group_count(a) * GROUP_BLOCKS) {
        scratch_rows<A>(a).store(block, static_cast<int>(row), t, q, scale);
    }
}

extern "C" __global__ void __launch_bounds__(128)
    blockmatmul_round(const MatMul a, const Mark mark) {
    round_row<Int8Activations>(a, mark);
}

extern "C" __global__ void __launch_bounds__(128)
    blockmatmul_round_f8(const MatMul a, const Mark mark) {
    round_row<F16Activations>(a, mark);
}

template <class Q>
__device__ __forceinline__ void multiply_narrow(const MatMul &a, const Mark &mark) {
    constexpr int PARTS = 2, MOST_WARPS = 8;
    DYNAMIC_SHARED(char, shared);
    int rowWarps = static_cast<int>(min_i64(MOST_WARPS, ceil_div(a.rows, PARTS * 8)));
    Tile<Q, 1, PARTS>(a, rowWarps).run(shared, mark);
}

extern "C" __global__ void __launch_bounds__(512, 1)
    blockmatmul_narrow_q8(const MatMul a, const Mark mark) {
    multiply_narrow<Q8>(a, mark);
}

extern "C" __global__ void __launch_bounds__(512, 1)
    blockmatmul_narrow_q4(const MatMul a, const Mark mark) {
    multiply_narrow<Q4>(a, mark);
}

extern "C" __global__ void __launch_bounds__(512, 1)
    blockmatmul_narrow_f8(const MatMul a, const Mark mark) {
    multiply_narrow<F8>(a, mark);
}

// Block: eight warps, two along the rows.
template <class Q>
__device__ __forceinline__ void multiply_tile(const MatMul &a, const Mark &mark) {
    DYNAMIC_SHARED(char, shared);
    Tile<Q, 2, 8>(a, 2).run(shared, mark);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_tile_q8(const MatMul a, const Mark mark) {
    multiply_tile<Q8>(a, mark);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_tile_q4(const MatMul a, const Mark mark) {
    multiply_tile<Q4>(a, mark);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    blockmatmul_tile_f8(const MatMul a, const Mark mark) {
    multiply_tile<F8>(a, mark);
}
