// Attention in float32 on the general units, for head sizes up to 64 COLUMNS, any type of keys and
// values, any alignment. Queries, keys, values and weights may be rounded to bfloat16 first.
//
// A block has KEYS x 4 threads. For the scores a thread has one key and QUERIES / 4 queries; for the
// sums it has the dimensions d, d + 64, ... of the same queries. Keys and values pass through shared
// memory in squares of 64 rows and 64 dimensions; a score or sum is one chain of fused operations in
// ascending order.
#ifndef OCELLUS_ATTENTION_PLAIN_CUH
#define OCELLUS_ATTENTION_PLAIN_CUH

#include "attention.cuh"

constexpr int SQUARE = 64;
// Four more, so that eight lanes' 16 bytes in neighbouring rows lie in different banks.
constexpr int SQUARE_LD = SQUARE + 4;
constexpr int PLAIN_THREADS = KEYS * 4;

static_assert(SQUARE == KEYS, "a thread's key and its first dimension have the same index");

template <int TYPE> __device__ __forceinline__ float row_element(const char *row, int i) {
    if constexpr (TYPE == DTYPE_Q8) {
        const char *block = row + i / Q8_ELEMENTS * Q8_BYTES;
        float scale = to_float(*reinterpret_cast<const f16 *>(block));
        return reinterpret_cast<const int8_t *>(block)[2 + i % Q8_ELEMENTS] * scale;
    } else {
        return load_element(row, TYPE, i);
    }
}

// Keys and values of one head.
template <class Rows> struct PlainOperand {
    Rows rows;
    int64_t type;
    int width;
    bool rounded;

    // Copies dimensions [column, column + SQUARE) of rows [first, first + KEYS), zeros where there
    // are none or the rows are outside the span.
    // Not inlined, as there are several callers for each of the types.
    __device__ __noinline__ void copy(
        float *to, Side side, int first, int column, const Span &span) const {
        switch (type) {
            case DTYPE_F32: copy_elements<DTYPE_F32>(to, side, first, column, span); break;
            case DTYPE_F16: copy_elements<DTYPE_F16>(to, side, first, column, span); break;
            case DTYPE_BF16: copy_elements<DTYPE_BF16>(to, side, first, column, span); break;
            default: copy_elements<DTYPE_Q8>(to, side, first, column, span);
        }
    }

    template <int TYPE>
    __device__ __forceinline__ void copy_elements(
        float *to, Side side, int first, int column, const Span &span) const {
#pragma unroll 4
        for (int i = 0; i < KEYS * WARP / PLAIN_THREADS; i++) {
            int r = warp_index() + i * (PLAIN_THREADS / WARP), key = first + r;
            bool present = key >= span.from && key < span.to;
            const char *row = present ? rows.at(side, key) : nullptr;
#pragma unroll
            for (int c = lane_index(); c < SQUARE; c += WARP) {
                float x = present && column + c < width ? row_element<TYPE>(row, column + c) : 0;
                to[r * SQUARE_LD + c] = rounded ? to_float(from_float<bf16>(x)) : x;
            }
        }
    }
};

// The shared memory of a block.
template <int QUERIES, int COLUMNS> struct PlainShared {
    float square[KEYS * SQUARE_LD];
    float query[QUERIES][COLUMNS * SQUARE];
    float weights[QUERIES][KEYS];
    float factor[QUERIES];
    Softmax part[QUERIES];
    Softmax all[QUERIES];
    Span span[QUERIES];
};

template <int TILE_QUERIES, int COLUMNS> struct PlainCore {
    static constexpr int QUERIES = TILE_QUERIES;
    static constexpr int THREADS = PLAIN_THREADS;
    static constexpr int OWN = QUERIES / 4;  // queries of a thread

    template <class Rows> using Operand = PlainOperand<Rows>;

    template <class Rows>
    __device__ __forceinline__ static Operand<Rows> operand(
        const Rows &rows, int64_t type, int width, bool rounded) {
        return {rows, type, width, rounded};
    }

    PlainShared<QUERIES, COLUMNS> &shared;
    float scale;
    int width;
    bool rounded;
    float out[OWN][COLUMNS];
    float sums[OWN][COLUMNS];  // of the ranges before

    __device__ __forceinline__ PlainCore(char *memory, double scoreScale, int headDim, bool)
        : shared(*reinterpret_cast<PlainShared<QUERIES, COLUMNS> *>(memory)),
          scale(static_cast<float>(scoreScale) * LOG2_E),
          width(headDim) {
#pragma unroll
        for (int i = 0; i < OWN; i++) {
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) {
                sums[i][j] = 0;
            }
        }
        if (threadIdx.x < QUERIES) {
            shared.all[threadIdx.x] = Softmax::none();
        }
    }

    // This thread's key in a tile and its first dimension.
    __device__ __forceinline__ static int column() { return threadIdx.x % KEYS; }

    // This thread's query i in the tile.
    __device__ __forceinline__ static int index(int i) { return threadIdx.x / KEYS * OWN + i; }

    template <class Place>
    __device__ __forceinline__ void load_queries(const Queries &q, bool round, Place place) {
        rounded = round;
        for (int i = warp_index(); i < QUERIES; i += THREADS / WARP) {
            const float *x = i < q.count() ? place(i) : nullptr;
            for (int d = lane_index(); d < COLUMNS * SQUARE; d += WARP) {
                float value = x && d < width ? x[d] : 0;
                shared.query[i][d] = rounded ? to_float(from_float<bf16>(value)) : value;
            }
        }
    }

    template <class KeysOf> __device__ __forceinline__ void set_spans(KeysOf keysOf) {
        if (threadIdx.x < QUERIES) {
            shared.span[threadIdx.x] = keysOf(threadIdx.x);
        }
        __syncthreads();
    }

    // The next meeting reads what is written here after a barrier.
    __device__ __forceinline__ void clear() {
        __syncthreads();
        if (threadIdx.x < QUERIES) {
            shared.part[threadIdx.x] = Softmax::none();
        }
#pragma unroll
        for (int i = 0; i < OWN; i++) {
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) {
                out[i][j] = 0;
            }
        }
    }

    template <class Rows>
    __device__ __forceinline__ void begin(const Operand<Rows> &, int, const Span &) {}

    template <class Rows>
    __device__ __forceinline__ void meet(
        const Operand<Rows> &operand, int first, int, const Span &any) {
        float scores[OWN] = {};
#pragma unroll 1
        for (int j = 0; j < COLUMNS; j++) {
            __syncthreads();
            operand.copy(shared.square, KEY, first, j * SQUARE, any);
            __syncthreads();
            multiply_keys(scores, j * SQUARE);
        }
        mask(scores, first);
        __syncthreads();
        for (int i = warp_index(); i < QUERIES; i += THREADS / WARP) {
            weigh(i);
        }
#pragma unroll
        for (int j = 0; j < COLUMNS; j++) {
            operand.copy(shared.square, VALUE, first, j * SQUARE, any);
            __syncthreads();
            multiply_values(j);
            if (j + 1 < COLUMNS) {
                __syncthreads();
            }
        }
    }

    __device__ __forceinline__ void multiply_keys(float (&scores)[OWN], int first) const {
        const float *key = shared.square + column() * SQUARE_LD;
        int end = min(SQUARE, width - first);
        for (int d = 0; d < end; d += 4) {
            float4 k = *reinterpret_cast<const float4 *>(key + d);
#pragma unroll
            for (int i = 0; i < OWN; i++) {
                float4 q = *reinterpret_cast<const float4 *>(&shared.query[index(i)][first + d]);
                float score = fmaf(q.x, k.x, scores[i]);
                score = fmaf(q.y, k.y, score);
                score = fmaf(q.z, k.z, score);
                scores[i] = fmaf(q.w, k.w, score);
            }
        }
    }

    __device__ __forceinline__ void mask(const float (&scores)[OWN], int first) const {
        int key = first + column();
#pragma unroll
        for (int i = 0; i < OWN; i++) {
            Span span = shared.span[index(i)];
            bool counts = key >= span.from && key < span.to;
            shared.weights[index(i)][column()] = counts ? scores[i] : -INFINITY;
        }
    }

    // The warp turns a query's scores into weights.
    __device__ __forceinline__ void weigh(int query) const {
        float *weights = shared.weights[query];
        Softmax before = shared.part[query];
        int lane = lane_index();
        float low = weights[lane], high = weights[lane + WARP];
        float largest = fmaxf(before.largest, warp_max(fmaxf(low, high)));
        float factor = rescale(before.largest, largest, scale);
        float shift = -(reference(largest) * scale);
        low = exp2_approx(fmaf(low, scale, shift));
        high = exp2_approx(fmaf(high, scale, shift));
        float total = warp_sum(low + high);
        weights[lane] = rounded ? to_float(from_float<bf16>(low)) : low;
        weights[lane + WARP] = rounded ? to_float(from_float<bf16>(high)) : high;
        // All lanes have read what lane 0 replaces.
        __syncwarp();
        if (lane == 0) {
            shared.factor[query] = factor;
            shared.part[query] = {largest, fmaf(before.total, factor, total)};
        }
    }

    __device__ __forceinline__ void multiply_values(int j) {
        const float *value = shared.square + column();
#pragma unroll
        for (int i = 0; i < OWN; i++) {
            out[i][j] = __fmul_rn(out[i][j], shared.factor[index(i)]);
        }
#pragma unroll 4
        for (int key = 0; key < KEYS; key += 4, value += 4 * SQUARE_LD) {
            float v[4] = {
                value[0], value[SQUARE_LD], value[2 * SQUARE_LD], value[3 * SQUARE_LD]};
#pragma unroll
            for (int i = 0; i < OWN; i++) {
                float4 w = *reinterpret_cast<const float4 *>(&shared.weights[index(i)][key]);
                float sum = fmaf(w.x, v[0], out[i][j]);
                sum = fmaf(w.y, v[1], sum);
                sum = fmaf(w.z, v[2], sum);
                out[i][j] = fmaf(w.w, v[3], sum);
            }
        }
    }

    __device__ __forceinline__ void complete() const {}

    __device__ __forceinline__ void merge_range() {
        Softmax merged[OWN];
#pragma unroll
        for (int i = 0; i < OWN; i++) {
            merged[i] = shared.all[index(i)];
            Weights w = merge(merged[i], shared.part[index(i)], scale);
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) {
                sums[i][j] = merge(sums[i][j], out[i][j], w);
            }
        }
        __syncthreads();
        if (column() == 0) {
#pragma unroll
            for (int i = 0; i < OWN; i++) {
                shared.all[index(i)] = merged[i];
            }
        }
    }

    __device__ __forceinline__ void take_merged() {
        __syncthreads();
        if (threadIdx.x < QUERIES) {
            shared.part[threadIdx.x] = shared.all[threadIdx.x];
        }
        __syncthreads();
#pragma unroll
        for (int i = 0; i < OWN; i++) {
#pragma unroll
            for (int j = 0; j < COLUMNS; j++) {
                out[i][j] = sums[i][j];
            }
        }
    }

    template <class Place>
    __device__ __forceinline__ void write(const Queries &q, Place place) const {
#pragma unroll
        for (int i = 0; i < OWN; i++) {
            if (index(i) < q.count()) {
                store(place(index(i)), i, 1 / shared.part[index(i)].total);
            }
        }
    }

    __device__ __forceinline__ void store(float *to, int i, float factor) const {
#pragma unroll
        for (int j = 0; j < COLUMNS; j++) {
            if (column() + j * SQUARE < width) {
                to[column() + j * SQUARE] = out[i][j] * factor;
            }
        }
    }
};

#endif
