// Full attention inside segments on GPUs of compute capability 9.0, for ComputeType.BF16 and many
// queries: see KernelCall.Attention.
//
//   attention_wgmma_64, _80, _96, _128   for head sizes up to that; after attention_pack, whose copies of
//                                        keys and values it reads
//
// A block takes up to 128 queries of a segment that share a key/value head. Grid (tiles of rows of all
// segments; pieces of heads).
#include "attention_segments.cuh"
#include "attention_wgmma.cuh"

// The tiles of keys of a segment.
struct SegmentWalk {
    KeyTile<PlainRows> tile;

    __device__ __forceinline__ SegmentWalk(const PlainRows &rows, const Span &keys)
        : tile{rows, keys, -TILE_KEYS} {}

    __device__ __forceinline__ bool next() {
        tile.first += TILE_KEYS;
        return tile.first < tile.span.to;
    }

    __device__ __forceinline__ bool is_new_run() const { return tile.first == 0; }

    __device__ __forceinline__ Span keys_of(int) const { return tile.span; }
};

using SegmentAttention = Attending<struct Attention>;

template <int DIM> __device__ __forceinline__ void attend_segment(const SegmentAttention &attending) {
    const struct Attention &a = attending.call;
    DYNAMIC_SHARED(char, shared);
    Tiling tiling(a.heads, a.kvHeads, BLOCK_QUERIES, false);
    int64_t tiles = ceil_div(a.queryLength, tiling.rows);
    int64_t segment = tile_index() / tiles, kvHead = tiling.kv_head(blockIdx.y);
    if (segment >= ROW_COUNT(a)) {
        return;
    }
    Queries queries =
        tiling.queries(tile_index() % tiles * tiling.rows, a.queryLength, blockIdx.y);
    int64_t row = segment * a.queryLength;
    SegmentWalk walk(rows_of(a, segment, kvHead, true), Span{0, static_cast<int>(a.keyLength)});
    attend_by_warpgroups<DIM>(
        shared, queries, walk, static_cast<int>(a.headDim), false, a.scale,
        [&](int i) {
            return a.q + (row + queries.row_of(i)) * a.ldq + queries.head_of(i) * a.headDim;
        },
        [&](int i) {
            return Result{a.out + (row + queries.row_of(i)) * a.ldo,
                          queries.head_of(i) * a.headDim, attending.rounded != 0};
        });
}

#define ATTENTION_KERNEL(dim)                                                                \
    extern "C" __global__ void __launch_bounds__(BLOCK_THREADS, 1)                           \
        attention_wgmma_##dim(const __grid_constant__ SegmentAttention a, const Mark mark) { \
        begin(mark);                                                                         \
        attend_segment<dim>(a);                                                              \
    }

ATTENTION_KERNEL(64)
ATTENTION_KERNEL(80)
ATTENTION_KERNEL(96)
ATTENTION_KERNEL(128)
