// Queries and keys on their way to attention.
//
//   rope_append  what rope of q, rope of k and kv_append do one after the other, with the same bits: q and k
//                are rotated where they are, k and v go to the cache; before that, where there are
//                norms, the RMS norms of q's and k's heads
//
// A warp takes a head of a row. One launch in place of three or five: in decoding each of those is little
// more than its start. Everything that they write is written, so that it does not matter who else
// reads it.
#include "cache.cuh"
#include "norm.cuh"
#include "rope.cuh"

// Norms are absent where their weight is null.
struct RopeAppend {
    struct RmsNorm qNorm, kNorm;
    struct Rope q, k;
    struct KvAppend append;
};

// The warp norms and rotates a head; `emit(i, left, values)` is told each quad of the result.
template <class Emit>
__device__ __forceinline__ void rotate_head(
    const float *x, const struct RmsNorm &norm, const struct Rope &a, int64_t row, Emit emit) {
    float scale = 0;
    if (norm.weight) {
        scale = norms::rms_scale(norm, norms::squares_of<WARP>(x, a.headDim, 0));
        // What one lane has read for the sum, another may write now.
        __syncwarp();
    }
    auto load = [&](int64_t i, int64_t left) {
        float4 v = load_quad(x + i, left);
        if (norm.weight) {
            float4 w = load_quad(norm.weight + i, left);
            v = make_float4(
                norms::rms_value(v.x, scale, w.x), norms::rms_value(v.y, scale, w.y),
                norms::rms_value(v.z, scale, w.z), norms::rms_value(v.w, scale, w.w));
        }
        return v;
    };
    const float *table = a.table + row * 2 * a.half;
    for (int64_t i = lane_index() * 4; i < a.half; i += WARP * 4) {
        int64_t left = a.half - i;
        float4 c = load_quad(table + i, left), s = load_quad(table + a.half + i, left);
        float4 low = load(i, left), high = load(a.half + i, left);
        emit(i, left, rotate_low(low, high, c, s));
        emit(a.half + i, left, rotate_high(low, high, c, s));
    }
    for (int64_t i = 2 * a.half + lane_index() * 4; i < a.headDim; i += WARP * 4) {
        emit(i, a.headDim - i, load(i, a.headDim - i));
    }
}

// The warp appends a head that lies in memory to a cache of Q8.
__device__ __forceinline__ void append_blocks(char *to, const float *x, int64_t headDim) {
    for (int64_t i = 0; i < headDim; i += Q8_ELEMENTS, to += Q8_BYTES) {
        int64_t element = i + lane_index();
        store_cache_block(to, element < headDim ? x[element] : 0);
    }
}

__device__ __forceinline__ void append_key(
    const struct RopeAppend &a, int64_t row, int64_t head) {
    const struct KvAppend &cache = a.append;
    float *x = a.k.out + row * a.k.ldo + head * a.k.headDim;
    char *to = cache_row(cache, row, head, cache.kOffset);
    bool blocks = cache.cacheType == DTYPE_Q8;
    rotate_head(x, a.kNorm, a.k, row, [&](int64_t i, int64_t left, float4 v) {
        store_quad(x + i, left, v);
        if (!blocks) {
            store_cache_quad(to, cache.cacheType, i, left, v);
        }
    });
    if (blocks) {
        __syncwarp();
        append_blocks(to, x, a.k.headDim);
    }
}

__device__ __forceinline__ void append_value(
    const struct KvAppend &a, int64_t row, int64_t head) {
    const float *x = a.v + row * a.ldv + head * a.headDim;
    char *to = cache_row(a, row, head, a.vOffset);
    if (a.cacheType == DTYPE_Q8) {
        append_blocks(to, x, a.headDim);
        return;
    }
    for (int64_t i = lane_index() * 4; i < a.headDim; i += WARP * 4) {
        int64_t left = a.headDim - i;
        store_cache_quad(to, a.cacheType, i, left, load_quad(x + i, left));
    }
}

// Grid (heads of q, k and v of all rows, a warp each).
extern "C" __global__ void __launch_bounds__(128)
    rope_append(const __grid_constant__ struct RopeAppend a, const Mark mark) {
    begin(mark);
    int64_t heads = a.q.heads + 2 * a.append.kvHeads;
    int64_t i = grid_index() / WARP, row = i / heads, head = i - row * heads;
    if (row >= ROW_COUNT(a.append)) {
        return;
    }
    if (head < a.q.heads) {
        float *x = a.q.out + row * a.q.ldo + head * a.q.headDim;
        rotate_head(x, a.qNorm, a.q, row, [&](int64_t at, int64_t left, float4 v) {
            store_quad(x + at, left, v);
        });
        return;
    }
    head -= a.q.heads;
    if (head < a.append.kvHeads) {
        append_key(a, row, head);
    } else {
        append_value(a.append, row, head - a.append.kvHeads);
    }
}
