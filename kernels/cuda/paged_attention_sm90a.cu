// Causal attention over a paged cache on GPUs of compute capability 9.0, for ComputeType.BF16 and many
// rows: see KernelCall.PagedAttention.
//
//   paged_attention_wgmma_64, ... _128   for head sizes up to that
//
// A block takes up to 128 queries that share a key/value head. Grid (tiles of rows; pieces of heads).
#include <climits>

#include "attention_paged.cuh"
#include "attention_wgmma.cuh"

// As run_from, by all lanes of a warp.
__device__ __forceinline__ Run run_by_lanes(
    const struct PagedAttention &a, int64_t row, int64_t limit) {
    Run run = {row, row, {INT_MAX, 0}};
    for (int count = WARP; count == WARP; run.end += count) {
        int64_t own = run.end + lane_index();
        bool present = own < limit && a.sequence[own] == a.sequence[row];
        count = __ffs(~__ballot_sync(ALL_LANES, present)) - 1;
        count = count < 0 ? WARP : count;
        Span keys = lane_index() < count ? keys_of(a, own) : Span{INT_MAX, 0};
        run.keys.from = min(run.keys.from, __reduce_min_sync(ALL_LANES, keys.from));
        run.keys.to = max(run.keys.to, __reduce_max_sync(ALL_LANES, keys.to));
    }
    return run;
}

// The tiles of keys of rows [next row, end): of each run those that any of its rows attends to.
struct PagedWalk {
    const struct PagedAttention &a;
    Queries queries;
    int64_t kvHead, end;
    Run run;
    KeyTile<PagedRows> tile;
    bool newRun;

    __device__ __forceinline__ PagedWalk(
        const struct PagedAttention &call, const Queries &q, int64_t head)
        : a(call), queries(q), kvHead(head), end(q.row + q.rows) {
        run.end = q.row;
        tile.first = tile.span.to = 0;
    }

    __device__ __forceinline__ bool next() {
        tile.first += TILE_KEYS;
        newRun = tile.first >= tile.span.to;
        if (!newRun) {
            return true;
        }
        if (run.end == end) {
            return false;
        }
        run = run_by_lanes(a, run.end, end);
        tile = {rows_of(a, a.sequence[run.row], kvHead), run.keys,
                run.keys.from / TILE_KEYS * TILE_KEYS};
        return true;
    }

    __device__ __forceinline__ bool is_new_run() const { return newRun; }

    __device__ __forceinline__ Span keys_of(int i) const {
        int64_t row = queries.row_of(i);
        return i < queries.count() && row >= run.row && row < run.end ? ::keys_of(a, row)
                                                                      : Span{0, 0};
    }
};

using CacheAttention = Attending<struct PagedAttention>;

template <int DIM> __device__ __forceinline__ void attend_pages(const CacheAttention &attending) {
    const struct PagedAttention &a = attending.call;
    DYNAMIC_SHARED(char, shared);
    Tiling tiling(a.heads, a.kvHeads, BLOCK_QUERIES, false);
    int64_t row = tile_index() * tiling.rows, count = ROW_COUNT(a);
    if (row >= count) {
        return;
    }
    Queries queries = tiling.queries(row, count, blockIdx.y);
    PagedWalk walk(a, queries, tiling.kv_head(blockIdx.y));
    attend_by_warpgroups<DIM>(
        shared, queries, walk, static_cast<int>(a.headDim), a.cacheType == DTYPE_Q8, a.scale,
        [&](int i) { return a.q + queries.row_of(i) * a.ldq + queries.head_of(i) * a.headDim; },
        [&](int i) {
            return Result{a.out + queries.row_of(i) * a.ldo, queries.head_of(i) * a.headDim,
                          attending.rounded != 0};
        });
}

#define ATTENTION_KERNEL(dim)                                                                    \
    extern "C" __global__ void __launch_bounds__(BLOCK_THREADS, 1)                               \
        paged_attention_wgmma_##dim(const __grid_constant__ CacheAttention a, const Mark mark) { \
        begin(mark);                                                                             \
        attend_pages<dim>(a);                                                                    \
    }

ATTENTION_KERNEL(64)
ATTENTION_KERNEL(80)
ATTENTION_KERNEL(96)
ATTENTION_KERNEL(128)
