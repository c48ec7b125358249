// Causal attention over a paged cache, for many rows.
//
//   paged_attention_matrix_64, _96, _128    on tensor cores, for ComputeType.BF16 and head sizes up to
//                                           that: tiles of 64 queries and 64 keys
//   paged_attention_plain_64, ... _512      in float32, for everything else: 16 queries
//
// All query heads of a key/value head that have room in a tile share the pass over its keys and values.
//
// A value that is not finite makes the other rows of its sequence that lie in the same tile NaN, even
// those that do not attend to it.
#include "attention_matrix.cuh"
#include "attention_plain.cuh"
#include "paged_attention.cuh"

// The queries of a run meet its keys.
template <class Core>
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
    int first = run.keys.from / KEYS * KEYS;
    core.begin(operand, first, run.keys);
    core.clear();
    while (first < run.keys.to) {
        int next = first + KEYS;
        core.meet(operand, first, next, run.keys);
        if (next % RANGE == 0 || next >= run.keys.to) {
            core.complete();
            core.merge_range();
            core.clear();
        }
        first = next;
    }
}

// A tile of queries. Grid (tiles of rows; pieces of heads).
template <class Core> __device__ __forceinline__ void attend(const struct PagedAttention &a) {
    DYNAMIC_SHARED(char, shared);
    Tiling tiling(a.heads, a.kvHeads, Core::QUERIES, a.rows <= FEW_ROWS);
    int64_t row = blockIdx.x * tiling.rows, count = ROW_COUNT(a);
    if (row >= count) {
        return;
    }
    Queries queries = tiling.queries(row, count, blockIdx.y);
    Core core(shared, a.scale, static_cast<int>(a.headDim), true);
    core.load_queries(queries, a.compute == COMPUTE_BF16, [&](int i) {
        return a.q + queries.row_of(i) * a.ldq + queries.head_of(i) * a.headDim;
    });
    for (int64_t end = row + queries.rows; row < end;) {
        Run run = run_from(a, row, end);
        attend_run(a, core, queries, run, tiling.kv_head(blockIdx.y));
        row = run.end;
    }
    core.take_merged();
    core.write(queries, [&](int i) {
        return a.out + queries.row_of(i) * a.ldo + queries.head_of(i) * a.headDim;
    });
}

#define ATTENTION_KERNEL(name, threads, ...)                                                       \
    extern "C" __global__ void __launch_bounds__(threads, 1)                                       \
        paged_attention_##name(const __grid_constant__ struct PagedAttention a, const Mark mark) { \
        begin(mark);                                                                               \
        attend<__VA_ARGS__>(a);                                                                    \
    }

ATTENTION_KERNEL(matrix_64, 128, MatrixCore<64, 4>)
ATTENTION_KERNEL(matrix_96, 128, MatrixCore<96, 4>)
ATTENTION_KERNEL(matrix_128, 128, MatrixCore<128, 4>)
ATTENTION_KERNEL(plain_64, 256, PlainCore<16, 1>)
ATTENTION_KERNEL(plain_128, 256, PlainCore<16, 2>)
ATTENTION_KERNEL(plain_256, 256, PlainCore<16, 4>)
ATTENTION_KERNEL(plain_512, 256, PlainCore<16, 8>)
