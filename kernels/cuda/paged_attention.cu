// Causal attention over a paged cache: see KernelCall.PagedAttention.
//
//   paged_attention_matrix_64, _80, _96, _128    on tensor cores, for ComputeType.BF16 and head sizes
//                                                up to that: tiles of 64 queries and 64 keys
//   paged_attention_plain_64, ... _512           in float32, for everything else: 16 queries
//   paged_attention_parts_matrix_64, ... _128    for few rows, as in decoding: a block is a warp and
//                                                takes up to 16 heads of one row and a part of its
//                                                keys, so that one row occupies the whole GPU
//   paged_attention_parts_plain_64, ... _512     the same with 4 heads of one row
//   paged_attention_merge                        after it: the parts in one
//
// All query heads of a key/value head that have room in a tile share the pass over its keys and
// values. Keys are summed up in ranges of RANGE, which begin at its multiples, and the ranges' results
// are merged in ascending order: in the block that passes all keys, or by paged_attention_merge. A
// row's bits are the same either way, with every height of a tile and every company in it. So a
// token has the same bits prefilled and decoded.
//
// One exception: a value that is not finite makes the other rows of its sequence that lie in the same
// tile NaN, even those that do not attend to it.
#include "attention_matrix.cuh"
#include "attention_paged.cuh"
#include "attention_plain.cuh"

constexpr int RANGE = 256;

// Up to here a tile's queries are of one row.
constexpr int FEW_ROWS = 64;

static_assert(RANGE % KEYS == 0, "ranges are made of whole tiles");

__device__ __forceinline__ int64_t range_count(const struct PagedAttention &a) {
    return ceil_div(a.maxPages * a.pageTokens, RANGE);
}

// Where a range's result lies: the largest score, the total of the weights, the sums.
__device__ __forceinline__ float *part_of(
    const struct PagedAttention &a, int64_t row, int64_t head, int64_t range) {
    int64_t index = (row * a.heads + head) * range_count(a) + range;
    return static_cast<float *>(a.scratch) + index * (a.headDim + 2);
}

// The queries of a run meet its keys, all ranges of them or, in parts, every gridDim.z-th one.
template <class Core, bool PARTS>
__device__ __forceinline__ void attend_run(
    const struct PagedAttention &a, Core &core, const Queries &queries, const Run &run,
    int64_t kvHead) {
    auto operand = Core::operand(
        rows_of(a, a.sequence[run.row], kvHead), a.cacheType, static_cast<int>(a.headDim),
        a.compute == COMPUTE_BF16);
    core.set_spans([&](int i) {
        int64_t row = queries.row_of(i);
        return i < queries.count() && row >= run.row && row < run.end ? keys_of(a, row)
                                                                      : Span{0, 0};
    });
    int range = run.keys.from / RANGE + blockIdx.z, skipped = (gridDim.z - 1) * RANGE;
    int first = max(run.keys.from / KEYS * KEYS, range * RANGE);
    if (first >= run.keys.to) {
        return;
    }
    core.begin(operand, first, run.keys);
    core.clear();
    while (first < run.keys.to) {
        bool last = (first + KEYS) % RANGE == 0;
        int next = first + KEYS + (last ? skipped : 0);
        core.meet(operand, first, next, run.keys);
        if (last || next >= run.keys.to) {
            core.complete();
            if (PARTS) {
                core.write_parts(queries, [&](int i) {
                    return part_of(a, queries.row_of(i), queries.head_of(i), first / RANGE);
                });
            } else {
                core.merge_range();
            }
            core.clear();
        }
        first = next;
    }
}

// A tile of queries. Grid (tiles of rows; pieces of heads; 1, or the blocks that share the ranges).
template <class Core, bool PARTS>
__device__ __forceinline__ void attend(const struct PagedAttention &a) {
    DYNAMIC_SHARED(char, shared);
    Tiling tiling(a.heads, a.kvHeads, Core::QUERIES, a.rows <= FEW_ROWS);
    int64_t row = blockIdx.x * tiling.rows, count = ROW_COUNT(a);
    if (row >= count) {
        return;
    }
    Queries queries = tiling.queries(row, count, blockIdx.y);
    Core core(shared, a.scale, static_cast<int>(a.headDim), !PARTS);
    core.load_queries(queries, a.compute == COMPUTE_BF16, [&](int i) {
        return a.q + queries.row_of(i) * a.ldq + queries.head_of(i) * a.headDim;
    });
    for (int64_t end = row + queries.rows; row < end;) {
        Run run = run_from(a, row, end);
        attend_run<Core, PARTS>(a, core, queries, run, tiling.kv_head(blockIdx.y));
        row = run.end;
    }
    if (!PARTS) {
        core.take_merged();
        core.write(queries, [&](int i) {
            return a.out + queries.row_of(i) * a.ldo + queries.head_of(i) * a.headDim;
        });
    }
}

// A block takes a head of a row. Grid (rows; heads).
extern "C" __global__ void __launch_bounds__(128, 1)
    paged_attention_merge(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    int64_t row = blockIdx.x, head = blockIdx.y;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    float scale = static_cast<float>(a.scale) * LOG2_E;
    Span keys = keys_of(a, row);
    for (int d = threadIdx.x; d < a.headDim; d += blockDim.x) {
        Softmax all = Softmax::none();
        float sum = 0;
#pragma unroll 4
        for (int range = keys.from / RANGE; range * RANGE < keys.to; range++) {
            const float *part = part_of(a, row, head, range);
            Weights w = merge(all, Softmax{part[0], part[1]}, scale);
            sum = merge(sum, part[2 + d], w);
        }
        a.out[row * a.ldo + head * a.headDim + d] = sum * (1 / all.total);
    }
}

extern "C" __global__ void __launch_bounds__(128, 1)
    paged_attention_matrix_64(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    attend<MatrixCore<64, 4>, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 1)
    paged_attention_matrix_80(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    attend<MatrixCore<80, 4>, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 1)
    paged_attention_matrix_96(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    attend<MatrixCore<96, 4>, false>(a);
}

extern "C" __global__ void __launch_bounds__(128, 1)
    paged_attention_matrix_128(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    attend<MatrixCore<128, 4>, false>(a);
}

extern "C" __global__ void __launch_bounds__(32, 1)
    paged_attention_parts_matrix_64(const __grid_constant__ struct PagedAttention a,
                                    const Mark mark) {
    begin(mark);
    attend<MatrixCore<64, 1>, true>(a);
}

extern "C" __global__ void __launch_bounds__(32, 1)
    paged_attention_parts_matrix_80(const __grid_constant__ struct PagedAttention a,
                                    const Mark mark) {
    begin(mark);
    attend<MatrixCore<80, 1>, true>(a);
}

extern "C" __global__ void __launch_bounds__(32, 1)
    paged_attention_parts_matrix_96(const __grid_constant__ struct PagedAttention a,
                                    const Mark mark) {
    begin(mark);
    attend<MatrixCore<96, 1>, true>(a);
}

extern "C" __global__ void __launch_bounds__(32, 1)
    paged_attention_parts_matrix_128(const __grid_constant__ struct PagedAttention a,
                                     const Mark mark) {
    begin(mark);
    attend<MatrixCore<128, 1>, true>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    paged_attention_plain_64(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    attend<PlainCore<16, 1>, false>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    paged_attention_plain_128(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    attend<PlainCore<16, 2>, false>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    paged_attention_plain_256(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    attend<PlainCore<16, 4>, false>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    paged_attention_plain_512(const __grid_constant__ struct PagedAttention a, const Mark mark) {
    begin(mark);
    attend<PlainCore<16, 8>, false>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    paged_attention_parts_plain_64(const __grid_constant__ struct PagedAttention a,
                                   const Mark mark) {
    begin(mark);
    attend<PlainCore<4, 1>, true>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    paged_attention_parts_plain_128(const __grid_constant__ struct PagedAttention a,
                                    const Mark mark) {
    begin(mark);
    attend<PlainCore<4, 2>, true>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    paged_attention_parts_plain_256(const __grid_constant__ struct PagedAttention a,
                                    const Mark mark) {
    begin(mark);
    attend<PlainCore<4, 4>, true>(a);
}

extern "C" __global__ void __launch_bounds__(256, 1)
    paged_attention_parts_plain_512(const __grid_constant__ struct PagedAttention a,
                                    const Mark mark) {
    begin(mark);
    attend<PlainCore<4, 8>, true>(a);
}
