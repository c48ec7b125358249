// Linear layers with weights of block types, which are panels as on the CPU. Activations are
// rounded to int8 in blocks of 32; a block's products are summed exactly on tensor cores, blocks
// follow in one chain of fused multiply-adds in ascending k. So the bits are the CPU's up to what
// follows the sums.
//
// Kernels, with the rows of activations they are for:
//
//   blockmatmul_few_q8, _q4     1 to 8: a block has one panel; its warps round the activations and
//                               sum one block of 32 each, then one thread for each sum continues
//                               its chain
//   blockmatmul_few_gated_q8,   the same with a gate panel and its up panel
//   _q4
//   blockmatmul_round           any number: activations as int8 with their scales
//   blockmatmul_tile_q8, _q4    any number: 128 weight rows times 64 rows of activations, a warp
//                               has two panels
//
// A fragment's rows g and g + 8 are rows 2 g and 2 g + 1 of a panel: eight bytes of a panel's line.
#include "product.cuh"

constexpr int BLOCK = 32;
constexpr int GROUP_BLOCKS = 2;
constexpr int LINE = 64;

// A type of weights: how its blocks lie in a panel.
struct Q8 {
    static constexpr int LINES = 8;

    // Lane t's fragment of rows 2 g and 2 g + 1; `lines` is where the block begins.
    static __device__ __forceinline__ void load(uint2 (&words)[2], const char *lines, int g,
                                                int t) {
        words[0] = *reinterpret_cast<const uint2 *>(lines + t * LINE + g * 8);
        words[1] = *reinterpret_cast<const uint2 *>(lines + (t + 4) * LINE + g * 8);
    }

    static __device__ __forceinline__ void fragment(uint32_t (&a)[4], const uint2 (&words)[2]) {
        constexpr uint32_t OFFSET = 0x80808080;
        a[0] = words[0].x ^ OFFSET;
        a[1] = words[0].y ^ OFFSET;
        a[2] = words[1].x ^ OFFSET;
        a[3] = words[1].y ^ OFFSET;
    }
};

struct Q4 {
    static constexpr int LINES = 4;

    static __device__ __forceinline__ void load(uint2 (&words)[2], const char *lines, int g,
                                                int t) {
        words[0] = *reinterpret_cast<const uint2 *>(lines + t * LINE + g * 8);
    }

    // The lower half of each byte less eight. With the upper bit set no byte borrows from its
    // neighbour.
    static __device__ __forceinline__ uint32_t lower(uint32_t nibbles) {
        return (((nibbles & 0x0f0f0f0f) | 0x80808080) - 0x08080808) ^ 0x80808080;
    }

    static __device__ __forceinline__ void fragment(uint32_t (&a)[4], const uint2 (&words)[2]) {
        a[0] = lower(words[0].x);
        a[1] = lower(words[0].y);
        a[2] = lower(words[0].x >> 4);
        a[3] = lower(words[0].y >> 4);
    }
};

// A lane's part of a block of a panel: two rows' words and scales.
template <class Q> struct BlockPart {
    uint2 words[2];
    __half2 scales;

    __device__ __forceinline__ void load(const char *panel, int64_t block, int g, int t) {
        constexpr int GROUP_BYTES = LINE * (1 + GROUP_BLOCKS * Q::LINES);
        const char *group = panel + block / GROUP_BLOCKS * GROUP_BYTES;
        int inGroup = static_cast<int>(block % GROUP_BLOCKS);
        Q::load(words, group + LINE * (1 + inGroup * Q::LINES), g, t);
        scales = *reinterpret_cast<const __half2 *>(group + inGroup * PANEL * 2 + g * 4);
    }

    // The products of the block times the weights' scale: of row 2 g with activations 2 t and
    // 2 t + 1, then of row 2 g + 1.
    __device__ __forceinline__ void multiply(float (&products)[4], uint32_t b0,
                                             uint32_t b1) const {
        uint32_t a[4];
        Q::fragment(a, words);
        int d[4] = {0, 0, 0, 0};
        mma_s8(d, a, b0, b1);
        float low = __low2float(scales), high = __high2float(scales);
        products[0] = __fmul_rn(static_cast<float>(d[0]), low);
        products[1] = __fmul_rn(static_cast<float>(d[1]), low);
        products[2] = __fmul_rn(static_cast<float>(d[2]), high);
        products[3] = __fmul_rn(static_cast<float>(d[3]), high);
    }
};

template <class Q> __device__ __forceinline__ int64_t panel_bytes(int64_t k) {
    return ceil_div(k, GROUP_BLOCKS * BLOCK) * LINE * (1 + GROUP_BLOCKS * Q::LINES);
}

__device__ __forceinline__ int64_t panel_count(const MatMul &a) {
    return ceil_div(a.n, PANEL) * (a.gated ? 2 : 1);
}

// Rounds a block of activations of which this lane and its three neighbours hold eight values each,
// words t and t + 4. Returns the scale. The largest magnitude is found among the bits, where
// infinities and NaN are larger than numbers.
__device__ __forceinline__ float round_block(uint32_t (&q)[2], const float (&low)[4],
                                             const float (&high)[4]) {
    uint32_t bits = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        bits = max(bits, __float_as_uint(low[i]) & 0x7fffffffu);
        bits = max(bits, __float_as_uint(high[i]) & 0x7fffffffu);
    }
    bits = max(bits, __shfl_xor_sync(ALL_LANES, bits, 1));
    bits = max(bits, __shfl_xor_sync(ALL_LANES, bits, 2));
    float largest = __uint_as_float(bits);
    bool none = largest < 0x1p-100f;
    float inverse = none ? 0 : __fdiv_rn(127.0f, largest);
    q[0] = q[1] = 0;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        q[0] |= (__float2int_rn(__fmul_rn(low[i], inverse)) & 0xff) << 8 * i;
        q[1] |= (__float2int_rn(__fmul_rn(high[i], inverse)) & 0xff) << 8 * i;
    }
    return none ? 0 : __fdiv_rn(largest, 127.0f);
}

// Words t and t + 4 of a block of a row, from `first` on, zero past k; `aligned` if rows are.
__device__ __forceinline__ void load_block(float (&low)[4], float (&high)[4], const float *row,
                                           int64_t first, int64_t k, bool aligned) {
    bool whole = aligned && first + 20 <= k;
    uint4 a = load_bits(row + first, k - first, whole);
    uint4 b = load_bits(row + first + 16, k - first - 16, whole);
    uint32_t words[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        low[i] = __uint_as_float(words[i]);
        high[i] = __uint_as_float(words[4 + i]);
    }
}

// ---- few rows ----------------------------------------------------------------------------------

// Block: eight warps, `PANELS` panels. A round is `UNITS` blocks of 32, those of one panel after
// those of the other; a warp takes every eighth.
template <class Q, int PANELS> __device__ __forceinline__ void few(const MatMul &a) {
    constexpr int WARPS = 8, UNITS = 32, BLOCKS = UNITS / PANELS, EACH = UNITS / WARPS;
    constexpr int PITCH = PANEL + 4;
    __shared__ __align__(16) float products[2][UNITS][FEW_ROWS][PITCH];
    __shared__ float scales[2][BLOCKS][FEW_ROWS];
    int rows = static_cast<int>(ROW_COUNT(a));
    if (rows == 0) {
        return;
    }
    bool aligned = rows_aligned(a.x, a.ldx);
    int64_t blocks = ceil_div(a.k, BLOCK), bytes = panel_bytes<Q>(a.k);
    const char *panels = a.w + static_cast<int64_t>(blockIdx.x) * PANELS * bytes;
    int g = lane_index() / 4, t = lane_index() % 4;
    // The products with a row that does not count are not asked for either.
    const float *x = a.x + min(g, rows - 1) * a.ldx;
    // Thread 16 r + i sums row r of the activations with row i of the panel, in each panel.
    int r = threadIdx.x / PANEL, i = threadIdx.x % PANEL;
    float sum[PANELS] = {};
    int buffer = 0;
    for (int64_t first = 0; first < blocks; first += BLOCKS, buffer ^= 1) {
        int count = static_cast<int>(min_i64(BLOCKS, blocks - first));
        BlockPart<Q> parts[EACH];
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            int unit = e * WARPS + warp_index();
            if (unit % BLOCKS < count) {
                parts[e].load(panels + unit / BLOCKS * bytes, first + unit % BLOCKS, g, t);
            }
        }
#pragma unroll
        for (int e = 0; e < EACH; e++) {
            int unit = e * WARPS + warp_index(), block = unit % BLOCKS;
            if (block < count) {
                float low[4], high[4], d[4];
                uint32_t q[2];
                load_block(low, high, x, (first + block) * BLOCK + 4 * t, a.k, aligned);
                float scale = round_block(q, low, high);
                parts[e].multiply(d, q[0], q[1]);
                if (t == 0) {
                    // Of a gated layer both panels' units find the same.
                    scales[buffer][block][g] = scale;
                }
#pragma unroll
                for (int v = 0; v < 2; v++) {
                    float2 *to =
                        reinterpret_cast<float2 *>(&products[buffer][unit][2 * t + v][2 * g]);
                    *to = make_float2(d[v], d[2 + v]);
                }
            }
        }
        // One barrier a round: a buffer is written again two rounds later.
        __syncthreads();
        if (r < rows) {
            for (int b = 0; b < count; b++) {
#pragma unroll
                for (int p = 0; p < PANELS; p++) {
                    sum[p] = __fmaf_rn(products[buffer][p * BLOCKS + b][r][i],
                                       scales[buffer][b][r], sum[p]);
                }
            }
        }
    }
    int64_t j = static_cast<int64_t>(blockIdx.x) * PANEL + i;
    if (r < rows && j < a.n) {
        if (PANELS == 2) {
            finish_gated(a, r, j, sum[0], sum[PANELS - 1]);
        } else {
            finish(a, r, j, sum[0]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(256)
    blockmatmul_few_q8(const MatMul a, const Mark mark) {
    begin(mark);
    few<Q8, 1>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    blockmatmul_few_q4(const MatMul a, const Mark mark) {
    begin(mark);
    few<Q4, 1>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    blockmatmul_few_gated_q8(const MatMul a, const Mark mark) {
    begin(mark);
    few<Q8, 2>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    blockmatmul_few_gated_q4(const MatMul a, const Mark mark) {
    begin(mark);
    few<Q4, 2>(a);
}

// ---- tiles -------------------------------------------------------------------------------------

// Scratch holds, for the capacity of rows, int8 [rows][blocks][32] and then float32 scales
// [rows][blocks]; blocks are even in number, so that vectors stay aligned.
__device__ __forceinline__ int64_t rounded_blocks(const MatMul &a) {
    return ceil_div(a.k, GROUP_BLOCKS * BLOCK) * GROUP_BLOCKS;
}

__device__ __forceinline__ float *rounded_scales(const MatMul &a) {
    return reinterpret_cast<float *>(
        static_cast<char *>(a.scratch) + a.rows * rounded_blocks(a) * BLOCK);
}

// Block: 128 threads; four lanes round a block of row blockIdx.x.
extern "C" __global__ void __launch_bounds__(128)
    blockmatmul_round(const MatMul a, const Mark mark) {
    begin(mark);
    int64_t row = blockIdx.x, block = static_cast<int64_t>(blockIdx.y) * 32 + threadIdx.x / 4;
    int64_t blocks = rounded_blocks(a);
    int t = threadIdx.x % 4;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    float low[4], high[4];
    uint32_t q[2];
    load_block(low, high, a.x + row * a.ldx, block * BLOCK + 4 * t, a.k,
               rows_aligned(a.x, a.ldx));
    float scale = round_block(q, low, high);
    if (block < blocks) {
        char *out = static_cast<char *>(a.scratch) + (row * blocks + block) * BLOCK + 4 * t;
        *reinterpret_cast<uint32_t *>(out) = q[0];
        *reinterpret_cast<uint32_t *>(out + 16) = q[1];
        if (t == 0) {
            rounded_scales(a)[row * blocks + block] = scale;
        }
    }
}

// Block: four warps, each two panels times all the activations of the tile. A stage is eight blocks
// of activations.
template <class Q> __device__ __forceinline__ void tile(const MatMul &a) {
    constexpr int THREADS = 128, TILE_ROWS = 64, PARTS = TILE_ROWS / 8, STAGE = 8;
    constexpr int VECTORS = STAGE * BLOCK / 16;  // 16 bytes each, of a row
    __shared__ __align__(16) uint4 integers[2][TILE_ROWS][VECTORS + 1];
    __shared__ __align__(16) float scales[2][STAGE][TILE_ROWS];
    int64_t rows = ROW_COUNT(a), firstRow = static_cast<int64_t>(blockIdx.y) * TILE_ROWS;
    if (firstRow >= rows) {
        return;
    }
    int64_t blocks = rounded_blocks(a), bytes = panel_bytes<Q>(a.k);
    const char *x = static_cast<const char *>(a.scratch);
    const float *xScales = rounded_scales(a);
    int count = static_cast<int>(min_i64(TILE_ROWS, rows - firstRow));
    auto load = [&](int64_t first, int stage) {
        for (int v = threadIdx.x; v < TILE_ROWS * VECTORS; v += THREADS) {
            int row = v / VECTORS, vector = v % VECTORS;
            bool valid = row < count && first + vector / 2 < blocks;
            int64_t from = ((firstRow + row) * blocks + first) * BLOCK + vector * 16;
            cp_async16(&integers[stage][row][vector], x + (valid ? from : 0), valid);
        }
        cp_async_commit();
        for (int v = threadIdx.x; v < TILE_ROWS * STAGE; v += THREADS) {
            int row = v / STAGE, block = v % STAGE;
            bool valid = row < count && first + block < blocks;
            scales[stage][block][row] =
                valid ? xScales[(firstRow + row) * blocks + first + block] : 0;
        }
    };
    int g = lane_index() / 4, t = lane_index() % 4;
    int64_t firstPanel = (static_cast<int64_t>(blockIdx.x) * 4 + warp_index()) * 2;
    int panels = static_cast<int>(max_i64(0, min_i64(2, panel_count(a) - firstPanel)));
    const char *w = a.w + firstPanel * bytes;
    // The real blocks: the last group's padding takes no part in the chains.
    int64_t summed = ceil_div(a.k, BLOCK);
    BlockPart<Q> next[2];
    auto prefetch = [&](int64_t block) {
#pragma unroll
        for (int p = 0; p < 2; p++) {
            if (p < panels && block < summed) {
                next[p].load(w + p * bytes, block, g, t);
            }
        }
    };
    float sum[2][PARTS][4] = {};
    load(0, 0);
    prefetch(0);
    for (int64_t first = 0, s = 0; first < summed; first += STAGE, s ^= 1) {
        cp_async_wait<0>();
        // Also: no warp is at the stage that is filled next.
        __syncthreads();
        load(first + STAGE, static_cast<int>(s ^ 1));
        int inStage = static_cast<int>(min_i64(STAGE, summed - first));
        for (int b = 0; b < inStage; b++) {
            BlockPart<Q> now[2] = {next[0], next[1]};
            prefetch(first + b + 1);
#pragma unroll
            for (int part = 0; part < PARTS; part++) {
                if (part * 8 < count && panels > 0) {
                    const char *row =
                        reinterpret_cast<const char *>(integers[s][part * 8 + g]) + b * BLOCK;
                    uint32_t b0 = *reinterpret_cast<const uint32_t *>(row + 4 * t);
                    uint32_t b1 = *reinterpret_cast<const uint32_t *>(row + 16 + 4 * t);
                    float2 scale =
                        *reinterpret_cast<const float2 *>(&scales[s][b][part * 8 + 2 * t]);
#pragma unroll
                    for (int p = 0; p < 2; p++) {
                        if (p < panels) {
                            float d[4];
                            now[p].multiply(d, b0, b1);
#pragma unroll
                            for (int v = 0; v < 4; v++) {
                                sum[p][part][v] = __fmaf_rn(d[v], v % 2 ? scale.y : scale.x,
                                                            sum[p][part][v]);
                            }
                        }
                    }
                }
            }
        }
    }
    cp_async_wait<0>();
#pragma unroll
    for (int e = 0; e < PARTS * 4; e++) {
        int part = e / 4, v = e % 4, i = 2 * g + v / 2, row = part * 8 + 2 * t + v % 2;
        if (row < count && a.gated) {
            int64_t j = firstPanel / 2 * PANEL + i;
            if (j < a.n) {
                finish_gated(a, firstRow + row, j, sum[0][part][v], sum[1][part][v]);
            }
        }
        for (int p = 0; row < count && !a.gated && p < 2; p++) {
            int64_t j = (firstPanel + p) * PANEL + i;
            if (j < a.n) {
                finish(a, firstRow + row, j, sum[p][part][v]);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(128)
    blockmatmul_tile_q8(const MatMul a, const Mark mark) {
    begin(mark);
    tile<Q8>(a);
}

extern "C" __global__ void __launch_bounds__(128)
    blockmatmul_tile_q4(const MatMul a, const Mark mark) {
    begin(mark);
    tile<Q4>(a);
}
