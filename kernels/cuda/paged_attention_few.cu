// Causal attention over a paged cache, for few rows, as in decoding: up to 64.
//
//   paged_attention_few_matrix_64, _128    on tensor cores, for ComputeType.BF16 and head sizes up to
//                                          that: a block takes up to 16 heads of one row
//   paged_attention_few_plain_64, _128, _512
//                                          in float32, for everything else: 4 heads of one row
//
// The ranges of a row's keys are shared out among blocks, as many as there are ranges and blocks of the
// grid, so that one row occupies the whole GPU; the other blocks end at once. Each writes its ranges'
// results to the scratch memory, and the last one to do so merges all of them. With few heads of a
// key/value head a block is bound by the bytes of keys and values that are under way: a whole range
// of keys, then of values.
#include "attention_plain.cuh"
#include "attention_range.cuh"
#include "quad.cuh"

struct FewRows {
    struct PagedAttention call;
    // Zero, for each row and piece of the heads: blocks that have written their parts. What uses them
    // leaves them zero.
    unsigned *written;
};

// The results of a head's ranges: all softmaxes, then all sums. Rows of sums are filled up to quads.
__device__ __forceinline__ Part part_of(
    const struct PagedAttention &a, int64_t row, int64_t head, int64_t range) {
    int64_t ranges = ceil_div(a.maxPages * a.pageTokens, RANGE);
    int64_t index = (row * a.heads + head) * ranges + range;
    float2 *softmax = static_cast<float2 *>(a.scratch);
    float *sums = reinterpret_cast<float *>(softmax + padded(a.rows * a.heads * ranges, 2));
    return {softmax + index, sums + index * padded(a.headDim, 4)};
}

// Whether this is the last of `blocks` to write its parts, which are then all there to be read.
__device__ __forceinline__ bool is_last(unsigned *written, unsigned blocks) {
    __threadfence();
    __syncthreads();
    // The last one finds blocks - 1, and leaves 0.
    bool last = threadIdx.x == 0
        && (blocks == 1 || atomicInc(written, blocks - 1) == blocks - 1);
    last = __syncthreads_or(last);
    __threadfence();
    return last;
}

// Merges ranges [range, end) of the queries; a thread takes four dimensions of a head.
__device__ __noinline__ void merge_parts(
    const struct PagedAttention &a, const Queries &queries, int range, int end) {
    float scale = static_cast<float>(a.scale) * LOG2_E;
    int width = static_cast<int>(padded(a.headDim, 4)), quads = width / 4;
    for (int i = threadIdx.x; i < queries.heads * quads; i += blockDim.x) {
        int64_t head = queries.head + i / quads, d = i % quads * 4;
        Part part = part_of(a, queries.row, head, range);
        Softmax all = Softmax::none();
        float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 8
        for (int n = 0; n < end - range; n++) {
            // Other blocks' writes are in the second-level cache.
            float2 softmax = __ldcg(part.softmax + n);
            float4 v = __ldcg(reinterpret_cast<const float4 *>(part.sums + n * width + d));
            Weights w = merge(all, Softmax{softmax.x, softmax.y}, scale);
            sum = make_float4(
                merge(sum.x, v.x, w), merge(sum.y, v.y, w), merge(sum.z, v.z, w),
                merge(sum.w, v.w, w));
        }
        float factor = 1 / all.total;
        store_quad(
            a.out + queries.row * a.ldo + head * a.headDim + d, a.headDim - d,
            make_float4(sum.x * factor, sum.y * factor, sum.z * factor, sum.w * factor));
    }
}

// PlainCore, a range at a time.
template <int COLUMNS> struct PlainRange : PlainCore<4, COLUMNS> {
    using Core = PlainCore<4, COLUMNS>;

    __device__ __forceinline__ PlainRange(char *memory, double scoreScale, int headDim)
        : Core(memory, scoreScale, headDim, false) {}

    // Meets those of the keys that lie in the range from `first` on.
    template <class Operand>
    __device__ __forceinline__ void meet_range(
        const Operand &operand, int first, const Span &keys) {
        this->set_spans([&](int) { return keys; });
        this->clear();
        int end = min(first + RANGE, keys.to);
        for (int at = max(first, keys.from / KEYS * KEYS); at < end; at += KEYS) {
            this->meet(operand, at, at + KEYS, keys);
        }
    }

    template <class Place>
    __device__ __forceinline__ void write_part(const Queries &q, Place place) const {
#pragma unroll
        for (int i = 0; i < Core::OWN; i++) {
            int query = Core::index(i);
            if (query >= q.count()) {
                continue;
            }
            Part to = place(query);
            if (Core::column() == 0) {
                Softmax part = this->shared.part[query];
                *to.softmax = make_float2(part.largest, part.total);
            }
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) {
                int at = Core::column() + j * SQUARE;
                if (at < padded(this->width, 4)) {
                    to.sums[at] = this->out[i][j];
                }
            }
        }
    }
};

// Grid (rows; pieces of heads; the blocks that share the ranges).
template <class Core> __device__ __forceinline__ void attend_row(const struct FewRows &few) {
    DYNAMIC_SHARED(char, shared);
    const struct PagedAttention &a = few.call;
    int64_t row = blockIdx.x;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    Span keys = keys_of(a, row);
    int range = keys.from / RANGE, end = static_cast<int>(ceil_div(keys.to, RANGE));
    int blocks = min(end - range, static_cast<int>(gridDim.z));
    if (static_cast<int>(blockIdx.z) >= blocks) {
        return;
    }
    Tiling tiling(a.heads, a.kvHeads, Core::QUERIES, true);
    Queries queries = tiling.queries(row, row + 1, blockIdx.y);
    Core core(shared, a.scale, static_cast<int>(a.headDim));
    core.load_queries(queries, a.compute == COMPUTE_BF16, [&](int i) {
        return a.q + row * a.ldq + queries.head_of(i) * a.headDim;
    });
    auto operand = Core::operand(
        rows_of(a, a.sequence[row], tiling.kv_head(blockIdx.y)), a.cacheType,
        static_cast<int>(a.headDim), a.compute == COMPUTE_BF16);
    for (int i = range + blockIdx.z; i < end; i += blocks) {
        core.meet_range(operand, i * RANGE, keys);
        core.write_part(
            queries, [&](int q) { return part_of(a, row, queries.head_of(q), i); });
    }
    if (is_last(few.written + row * gridDim.y + blockIdx.y, blocks)) {
        merge_parts(a, queries, range, end);
    }
}

#define ATTENTION_KERNEL(name, threads, blocks, ...)                                            \
    extern "C" __global__ void __launch_bounds__(threads, blocks)                               \
        paged_attention_few_##name(const __grid_constant__ struct FewRows a, const Mark mark) { \
        begin(mark);                                                                            \
        attend_row<__VA_ARGS__>(a);                                                             \
    }

ATTENTION_KERNEL(matrix_64, 128, 2, RangeCore<64>)
ATTENTION_KERNEL(matrix_128, 128, 2, RangeCore<128>)
ATTENTION_KERNEL(plain_64, 256, 1, PlainRange<1>)
ATTENTION_KERNEL(plain_128, 256, 1, PlainRange<2>)
ATTENTION_KERNEL(plain_512, 256, 1, PlainRange<8>)
