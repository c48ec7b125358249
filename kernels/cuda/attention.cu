// Full attention inside segments: see KernelCall.Attention.
//
//   attention_matrix_64, _80, _96, _128   on tensor cores, for ComputeType.BF16 and head sizes up to
//                                         that: tiles of 64 queries and 64 keys, streaming softmax
//   attention_pack                        before it: keys and values as bfloat16 in the scratch
//                                         memory, so that the tiles of queries, each of which reads
//                                         them all, read half the bytes, and asynchronously
//   attention_plain_64, ... _512          in float32, for everything else
//
// A block takes a tile of queries of one segment and one key/value head.
#include "attention_matrix.cuh"
#include "attention_plain.cuh"
#include "attention_segments.cuh"

// One chunk a thread; grid (chunks of a segment's keys, or values, of all heads; 2; segments).
extern "C" __global__ void __launch_bounds__(256, 1)
    attention_pack(const __grid_constant__ struct Attention a, const Mark mark) {
    begin(mark);
    int64_t chunks = packed_width(a.headDim) / CHUNK;
    int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
    int64_t column = i % chunks * CHUNK, kvHead = i / chunks % a.kvHeads;
    int64_t key = i / chunks / a.kvHeads;
    for (int64_t segment = blockIdx.z; segment < ROW_COUNT(a); segment += gridDim.z) {
        if (key >= a.keyLength) {
            return;
        }
        int64_t row = segment * a.keyLength + key;
        const float *from = blockIdx.y ? a.v + row * a.ldv : a.k + row * a.ldk;
        from += kvHead * a.headDim + column;
        float x[CHUNK];
#pragma unroll
        for (int j = 0; j < CHUNK; j++) {
            x[j] = column + j < a.headDim ? from[j] : 0;
        }
        bf16 *to = packed_rows(a, blockIdx.y, segment, kvHead) + key * packed_width(a.headDim);
        store_vector(to + column, x);
    }
}

template <class Core, bool PACKED>
__device__ __forceinline__ void attend_segment(const struct Attention &a) {
    DYNAMIC_SHARED(char, shared);
    Tiling tiling(a.heads, a.kvHeads, Core::QUERIES, false);
    int64_t tiles = ceil_div(a.queryLength, tiling.rows);
    int64_t segment = blockIdx.x / tiles, kvHead = tiling.kv_head(blockIdx.y);
    if (segment >= ROW_COUNT(a)) {
        return;
    }
    Queries queries =
        tiling.queries(blockIdx.x % tiles * tiling.rows, a.queryLength, blockIdx.y);
    Core core(shared, a.scale, static_cast<int>(a.headDim), false);
    bool rounded = a.compute == COMPUTE_BF16;
    core.load_queries(queries, rounded, [&](int i) {
        int64_t row = segment * a.queryLength + queries.row_of(i);
        return a.q + row * a.ldq + queries.head_of(i) * a.headDim;
    });
    Span keys = {0, static_cast<int>(a.keyLength)};
    core.set_spans([&](int) { return keys; });
    auto operand = Core::operand(
        rows_of(a, segment, kvHead, PACKED), PACKED ? DTYPE_BF16 : DTYPE_F32,
        static_cast<int>(PACKED ? packed_width(a.headDim) : a.headDim), rounded);
    core.clear();
    core.begin(operand, 0, keys);
    for (int first = 0; first < keys.to; first += KEYS) {
        core.meet(operand, first, first + KEYS, keys);
    }
    core.complete();
    core.write(queries, [&](int i) {
        int64_t row = segment * a.queryLength + queries.row_of(i);
        return a.out + row * a.ldo + queries.head_of(i) * a.headDim;
    });
}

#define ATTENTION_KERNEL(name, threads, ...)                                            \
    extern "C" __global__ void __launch_bounds__(threads, 1)                            \
        attention_##name(const __grid_constant__ struct Attention a, const Mark mark) { \
        begin(mark);                                                                    \
        attend_segment<__VA_ARGS__>(a);                                                 \
    }

ATTENTION_KERNEL(matrix_64, 128, MatrixCore<64, 4>, true)
ATTENTION_KERNEL(matrix_80, 128, MatrixCore<80, 4>, true)
ATTENTION_KERNEL(matrix_96, 128, MatrixCore<96, 4>, true)
ATTENTION_KERNEL(matrix_128, 128, MatrixCore<128, 4>, true)
ATTENTION_KERNEL(plain_64, 256, PlainCore<16, 1>, false)
ATTENTION_KERNEL(plain_128, 256, PlainCore<16, 2>, false)
ATTENTION_KERNEL(plain_256, 256, PlainCore<16, 4>, false)
ATTENTION_KERNEL(plain_512, 256, PlainCore<16, 8>, false)
