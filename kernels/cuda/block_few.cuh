// Products of few rows of activations with weights of block types: bound by the bytes of the
// weights, which resident blocks read as streams.
//
// A block multiplies neighbouring panels, which follow one another in memory without gaps, so its
// share of the weights is one stream; it comes through a ring of STAGES stages in shared memory.
// The first stages are asked for before the kernel waits for its activations, which it then rounds
// itself. Seven warps multiply the groups of a stage and leave their blocks' products in shared
// memory, where the eighth warp finds them one stage later and continues the chains: the order of k
// binds that warp alone. One barrier a stage.
//
// What a launch gives of dynamic shared memory decides how long a stage is. To keep 4.8 TB/s busy
// at about 0.9 us from asking to having (Little's law), an H200's 132 multiprocessors need 33 KB
// under way each; two blocks with the shortest stages of Q8, of 7 groups, have 76 KB. While a stage
// arrives, at 36 bytes a nanosecond for a multiprocessor, its four schedulers could issue almost
// three times the instructions that one row of activations and Q8 take, and a little more than those
// of eight rows and Q4. A matrix of fewer panels than multiprocessors is bound by what one of those
// can read, some 64 bytes a cycle.
#ifndef OCELLUS_BLOCK_FEW_CUH
#define OCELLUS_BLOCK_FEW_CUH

#include "block.cuh"
#include "norm.cuh"

// `norm` has one group of the product's columns, and its rows; what it would write is not written,
// and the product's x not read. Where its weight is null there is no norm.
struct NormedMatMul {
    struct RmsNorm norm;
    struct MatMul product;
};

namespace few {

constexpr int THREADS = 256;
constexpr int MULTIPLIERS = THREADS / WARP - 1;
constexpr int STAGES = 6;

// Shared memory: the ring, products [2][blocks of a stage][fragment row][ROWS], then the rounded
// activations.
template <class Q, int ROWS> struct Memory {
    using Rounded = RoundedRows<typename Q::Activations>;

    int depth;  // groups of a stage
    char *ring;
    float *products;
    Rounded x;

    __device__ __forceinline__ Memory(char *shared, int groups)
        : depth(stage_groups(groups)),
          ring(shared),
          products(reinterpret_cast<float *>(ring + STAGES * depth * GROUP_BYTES<Q>)),
          x(products + 2 * depth * GROUP_BLOCKS * PANEL * ROWS, groups * GROUP_BLOCKS, ROWS) {}

    __device__ __forceinline__ float *block_products(int buffer, int block) const {
        return products + (buffer * depth * GROUP_BLOCKS + block) * PANEL * ROWS;
    }

  private:
    // As many as fit, the same number for each warp.
    static __device__ __forceinline__ int stage_groups(int groups) {
        constexpr int GROUP_MEMORY = STAGES * GROUP_BYTES<Q> +
                                     2 * GROUP_BLOCKS * PANEL * ROWS * static_cast<int>(sizeof(float));
        int rounded = groups * GROUP_BLOCKS * ROWS * Rounded::BLOCK_BYTES;
        return (dynamic_shared_bytes() - rounded) / (MULTIPLIERS * GROUP_MEMORY) * MULTIPLIERS;
    }
};

// The weights of a block's outputs, as a stream of groups.
template <class Q> struct Stream {
    int64_t firstStrip, endStrip;  // of 16 outputs: a panel, or one of the gate and its other one
    const char *weights;
    int groups, depth, stages;
    char *ring;
    int slot = 0;  // where the next stage goes

    __device__ __forceinline__ Stream(const MatMul &a, int panelGroups, char *ringMemory,
                                      int stageGroups)
        : depth(stageGroups), ring(ringMemory) {
        int64_t strips = ceil_div(a.n, PANEL), each = (a.gated ? 2 : 1) * panelGroups;
        firstStrip = blockIdx.x * strips / gridDim.x;
        endStrip = (blockIdx.x + 1) * strips / gridDim.x;
        weights = a.w + firstStrip * each * GROUP_BYTES<Q>;
        groups = static_cast<int>((endStrip - firstStrip) * each);
        stages = static_cast<int>(ceil_div(groups, depth));
    }

    // Groups of a stage.
    __device__ __forceinline__ int count(int stage) const {
        return min(depth, groups - stage * depth);
    }

    // Asks for a stage, if there is one; always ends a group of copies.
    __device__ __forceinline__ void load(int stage) {
        if (stage < stages) {
            int stageBytes = depth * GROUP_BYTES<Q>, bytes = count(stage) * GROUP_BYTES<Q>;
            const char *from = weights + static_cast<int64_t>(stage) * stageBytes;
            for (int v = threadIdx.x * 16; v < bytes; v += THREADS * 16) {
                cp_async16(ring + swizzled(slot * stageBytes + v), from + v);
            }
            slot = slot + 1 == STAGES ? 0 : slot + 1;
        }
        cp_async_commit();
    }
};

// The activations of a product: as they are, or as a norm makes them of its operand.
struct SourceRows {
    const float *x, *weight, *scales;
    int64_t ldx, k;
    bool aligned, weightAligned;

    // `memory` is shared and has SCALE_FLOATS and one more for each row.
    __device__ __forceinline__ SourceRows(const NormedMatMul &a, int rows, float *memory)
        : x(a.product.x), weight(a.norm.weight), ldx(a.product.ldx), k(a.product.k) {
        scales = memory + norms::SCALE_FLOATS * rows;
        if (weight) {
            x = a.norm.x;
            ldx = a.norm.ldx;
            norms::rms_scales(a.norm, rows, memory, memory + norms::SCALE_FLOATS * rows);
        }
        aligned = rows_aligned(x, ldx);
        weightAligned = is_aligned16(weight);
    }

    __device__ __forceinline__ void load(BlockWords &words, int row, int first) const {
        words.load(x + row * ldx, first, k, aligned);
        if (weight) {
            BlockWords w;
            w.load(weight, first, k, weightAligned);
            float scale = scales[row];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                words.low[i] = __fmul_rn(__fmul_rn(words.low[i], scale), w.low[i]);
                words.high[i] = __fmul_rn(__fmul_rn(words.high[i], scale), w.high[i]);
            }
        }
    }
};

// Rounds the activations into shared memory: four lanes a block, UNROLLED blocks at a time, whose
// loads are under way together. The scales of rows that do not count are zero.
template <class A>
__device__ __forceinline__ void round_rows(const SourceRows &source, int rows, int blocks,
                                           RoundedRows<A> x) {
    constexpr int UNROLLED = 4, UNITS = THREADS / 4;
    int count = rows * blocks;
    int t = lane_index() % 4;
    // Whole warps take part in each turn.
    for (int first = threadIdx.x / 4; first - lane_index() / 4 < count; first += UNROLLED * UNITS) {
        BlockWords words[UNROLLED];
#pragma unroll
        for (int u = 0; u < UNROLLED; u++) {
            int unit = min(first + u * UNITS, count - 1);
            source.load(words[u], unit / blocks, unit % blocks * BLOCK + 4 * t);
        }
#pragma unroll
        for (int u = 0; u < UNROLLED; u++) {
            int unit = first + u * UNITS;
            typename A::Words q;
            float scale = A::round(words[u], q);
            if (unit < count) {
                x.store(unit % blocks, unit / blocks, t, q, scale);
            }
        }
    }
    for (int i = threadIdx.x; i < blocks * x.pitch; i += THREADS) {
        if (i % x.pitch >= rows) {
            x.scales[i] = 0;
        }
    }
}

// Copies the activations that were rounded to the scratch memory, whose pitch is ROWS.
template <class A>
__device__ __forceinline__ void copy_rows(const RoundedRows<A> &from, const RoundedRows<A> &to,
                                          int blocks) {
    const uint4 *source = reinterpret_cast<const uint4 *>(from.words);
    uint4 *target = reinterpret_cast<uint4 *>(to.words);
    int vectors = blocks * to.pitch * RoundedRows<A>::BLOCK_BYTES / 16;
#pragma unroll 8
    for (int v = threadIdx.x; v < vectors; v += THREADS) {
        target[v] = source[v];
    }
}

// Warps 0 to 6: one of them has every seventh group of the stream.
template <class Q, int ROWS> struct Multiplier {
    int g, t;
    int column;      // of the fragment, whose others repeat the last row
    int panelGroup;  // of its next group, in its panel

    __device__ __forceinline__ Multiplier(int groups, int rows)
        : g(lane_index() / 4),
          t(lane_index() % 4),
          column(ROWS == 1 ? 0 : min(g, rows - 1)),
          panelGroup(warp_index() % groups) {}

    __device__ __forceinline__ void stage(const Memory<Q, ROWS> &memory, int slot, int buffer,
                                          int count, int groups) {
#pragma unroll 2
        for (int i = warp_index(); i < count; i += MULTIPLIERS) {
            int offset = (slot * memory.depth + i) * GROUP_BYTES<Q>;
            int row = panelGroup * GROUP_BLOCKS * ROWS + column;
#pragma unroll
            for (int b = 0; b < GROUP_BLOCKS; b++) {
                BlockRows<Q> w;
                float d[4];
                w.load(memory.ring, offset, b, g, t);
                w.multiply(d, memory.x.words[(row + b * ROWS) * 4 + t]);
                put(memory.block_products(buffer, i * GROUP_BLOCKS + b), d);
            }
            panelGroup += MULTIPLIERS;
            while (panelGroup >= groups) {
                panelGroup -= groups;
            }
        }
    }

  private:
    __device__ __forceinline__ void put(float *products, const float (&d)[4]) const {
        if (ROWS > 1) {
            float2 *to = reinterpret_cast<float2 *>(products + g * ROWS + 2 * t);
            to[0] = make_float2(d[0], d[1]);
            to[4 * ROWS] = make_float2(d[2], d[3]);
        } else if (t == 0) {
            products[g] = d[0];
            products[8 + g] = d[2];
        }
    }
};

// The last warp: a lane has a fragment row, so an output of each strip, times COLUMNS rows of
// activations.
template <int ROWS> struct Chains {
    static constexpr int COLUMNS = ROWS == 1 ? 1 : 4;
    static constexpr int LANES = ROWS / COLUMNS;  // that share a fragment row
    static constexpr bool ALL = PANEL * LANES == WARP;

    int64_t output, end;  // of the strip that is summed; where the block's outputs end
    int fragment, firstRow, rows;
    int block = 0;  // the next one of the panel
    bool up = false;
    float sum[COLUMNS] = {}, gate[COLUMNS] = {};
    Finish finishes[COLUMNS];

    __device__ __forceinline__ Chains(const MatMul &a, int64_t strip, int64_t endStrip,
                                      int rowCount)
        : end(min_i64(a.n, endStrip * PANEL)),
          fragment(lane_index() / LANES),
          firstRow(lane_index() % LANES * COLUMNS),
          rows(rowCount) {
        output = strip * PANEL + 2 * (fragment % 8) + fragment / 8;
        load_finishes(a);
    }

    // Continues the chains with the products of `count` blocks, from [blocks][ROWS] scales.
    __device__ __forceinline__ void add(const MatMul &a, const float *products,
                                        const float *xScales, int count, int blocks) {
        if (!ALL && lane_index() >= PANEL * LANES) {
            return;
        }
        for (int first = 0; first < count;) {
            int inPanel = min(count - first, blocks - block);
            const float *p = products + (first * PANEL + fragment) * ROWS + firstRow;
            const float *scales = xScales + block * ROWS + firstRow;
#pragma unroll 8
            for (int b = 0; b < inPanel; b++) {
                add_block(p + b * PANEL * ROWS, scales + b * ROWS);
            }
            first += inPanel;
            block += inPanel;
            if (block == blocks) {
                end_panel(a);
            }
        }
    }

  private:
    __device__ __forceinline__ void add_block(const float *product, const float *scale) {
        if constexpr (COLUMNS == 1) {
            sum[0] = __fmaf_rn(*product, *scale, sum[0]);
        } else {
            float4 p = *reinterpret_cast<const float4 *>(product);
            float4 s = *reinterpret_cast<const float4 *>(scale);
            sum[0] = __fmaf_rn(p.x, s.x, sum[0]);
            sum[1] = __fmaf_rn(p.y, s.y, sum[1]);
            sum[2] = __fmaf_rn(p.z, s.z, sum[2]);
            sum[3] = __fmaf_rn(p.w, s.w, sum[3]);
        }
    }

    // What follows the sums is asked for when the first of them begins.
    __device__ __forceinline__ void load_finishes(const MatMul &a) {
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            if (output < end && firstRow + c < rows) {
                finishes[c].load(a, firstRow + c, output);
            }
        }
    }

    __device__ __forceinline__ void end_panel(const MatMul &a) {
        bool ends = !a.gated || up;
#pragma unroll
        for (int c = 0; c < COLUMNS; c++) {
            if (ends && output < end && firstRow + c < rows) {
                if (a.gated) {
                    finishes[c].store_gated(a, firstRow + c, output, gate[c], sum[c]);
                } else {
                    finishes[c].store(a, firstRow + c, output, sum[c]);
                }
            }
            gate[c] = sum[c];
            sum[c] = 0;
        }
        block = 0;
        up = !up;
        if (ends) {
            up = false;
            output += PANEL;
            load_finishes(a);
        }
    }
};

template <class Q, int ROWS>
__device__ __forceinline__ void multiply(const NormedMatMul &normed, const Mark &mark) {
    DYNAMIC_SHARED(char, shared);
    const MatMul &a = normed.product;
    int groups = group_count(a), blocks = groups * GROUP_BLOCKS;
    Memory<Q, ROWS> memory(shared, groups);
    Stream<Q> stream(a, groups, memory.ring, memory.depth);
    for (int s = 0; s < STAGES - 1; s++) {
        stream.load(s);
    }
    begin(mark);
    int rows = static_cast<int>(ROW_COUNT(a));
    if (rows == 0) {
        cp_async_wait<0>();
        return;
    }
    if (ROWS > 1 && a.scratch) {
        copy_rows(scratch_rows<typename Q::Activations>(a), memory.x, blocks);
    } else {
        // There are no products yet.
        round_rows(SourceRows(normed, rows, memory.products), rows, blocks, memory.x);
    }
    bool multiplies = warp_index() < MULTIPLIERS;
    Multiplier<Q, ROWS> multiplier(groups, rows);
    Chains<ROWS> chains(a, stream.firstStrip, stream.endStrip, multiplies ? 0 : rows);
    // The last round has nothing but the last stage's products to add.
    for (int s = 0, slot = 0; s <= stream.stages; s++) {
        cp_async_wait<STAGES - 2>();
        // Also: all warps are done with the stage that is filled next and with the products that
        // are written next.
        __syncthreads();
        stream.load(s + STAGES - 1);
        if (multiplies && s < stream.stages) {
            multiplier.stage(memory, slot, s & 1, stream.count(s), groups);
        } else if (!multiplies && s > 0) {
            chains.add(a, memory.block_products((s - 1) & 1, 0), memory.x.scales,
                       stream.count(s - 1) * GROUP_BLOCKS, blocks);
        }
        slot = slot + 1 == STAGES ? 0 : slot + 1;
    }
}

}  // namespace few

#endif
