// Attention on tensor cores, for head sizes up to DIM: queries, keys, values and the unnormalised
// weights meet as bfloat16, sums and the softmax are float32.
//
// A warp takes 16 queries. Fragments are those of mma.m16n8k16: lane 4 g + t holds queries g and
// g + 8, and of each 8 keys or dimensions the two from 2 t on. Queries stay in registers as left
// operand; scores become the left operand of the second product where they are. A row of keys or
// values in shared memory is 16 bytes longer than DIM elements, so that the eight rows of a matrix
// that ldmatrix fetches lie in different banks.
#ifndef OCELLUS_ATTENTION_MATRIX_CUH
#define OCELLUS_ATTENTION_MATRIX_CUH

#include "attention.cuh"

// Keys and values of one head: rows of `width` elements of bfloat16, or of Q8 blocks.
template <class Rows> struct MatrixOperand {
    Rows rows;
    int width;
    bool blocks;

    // Copies rows [first, first + KEYS) to shared memory, filled up with zeros to DIM elements; rows
    // outside the span are zeros and not read. Copies may be under way when it returns.
    template <int DIM, int THREADS>
    __device__ __forceinline__ void copy(
        bf16 *to, Side side, int first, const Span &span) const {
        if (blocks) {
            copy_blocks<DIM, THREADS>(to, side, first, span);
        } else {
            copy_elements<DIM, THREADS>(to, side, first, span);
        }
        cp_async_commit();
    }

    __device__ __forceinline__ const char *find(Side side, int key, const Span &span) const {
        return key >= span.from && key < span.to ? rows.at(side, key) : nullptr;
    }

    template <int DIM, int THREADS>
    __device__ __forceinline__ void copy_elements(
        bf16 *to, Side side, int first, const Span &span) const {
        constexpr int LANES = 8;
        int lane = threadIdx.x % LANES;
#pragma unroll 2
        for (int i = 0; i < KEYS * LANES / THREADS; i++) {
            int r = threadIdx.x / LANES + i * (THREADS / LANES);
            const bf16 *from = reinterpret_cast<const bf16 *>(find(side, first + r, span));
            bf16 *target = to + r * (DIM + CHUNK);
            if (!is_aligned16(from) || width % CHUNK != 0) {
#pragma unroll 1
                for (int c = lane; c < DIM; c += LANES) {
                    target[c] = from && c < width ? from[c] : from_float<bf16>(0);
                }
                continue;
            }
#pragma unroll
            for (int c = lane * CHUNK; c < DIM; c += LANES * CHUNK) {
                cp_async16(target + c, from + c, from && c < width);
            }
        }
    }

    template <int DIM, int THREADS>
    __device__ __forceinline__ void copy_blocks(
        bf16 *to, Side side, int first, const Span &span) const {
        constexpr int LANES = Q8_ELEMENTS / 2;
        int pair = threadIdx.x % LANES * 2;
#pragma unroll 2
        for (int i = 0; i < KEYS * LANES / THREADS; i++) {
            int r = threadIdx.x / LANES + i * (THREADS / LANES);
            const char *row = find(side, first + r, span);
#pragma unroll
            for (int b = 0; b < (DIM + Q8_ELEMENTS - 1) / Q8_ELEMENTS; b++) {
                int c = b * Q8_ELEMENTS + pair;
                if (DIM % Q8_ELEMENTS != 0 && c >= DIM) {
                    continue;
                }
                uint32_t word = 0;
                if (row && c < width) {
                    const char *block = row + b * Q8_BYTES;
                    float scale = to_float(*reinterpret_cast<const f16 *>(block));
                    char2 q = *reinterpret_cast<const char2 *>(block + 2 + pair);
                    // Past the row's end a block holds zeros.
                    word = pack_bf16(q.x * scale, q.y * scale);
                }
                *reinterpret_cast<uint32_t *>(to + r * (DIM + CHUNK) + c) = word;
            }
        }
    }
};

template <int DIM, int WARPS> struct MatrixCore {
    static constexpr int QUERIES = 16 * WARPS;
    static constexpr int THREADS = WARP * WARPS;
    static constexpr int LD = DIM + CHUNK;

    template <class Rows> using Operand = MatrixOperand<Rows>;

    template <class Rows>
    __device__ __forceinline__ static Operand<Rows> operand(
        const Rows &rows, int64_t type, int width, bool) {
        return {rows, width, type == DTYPE_Q8};
    }

    float scale;
    int width;
    bf16 *keys, *values;
    float4 *sums;  // of the ranges before; element [DIM / 8][THREADS], each thread's its own
    uint32_t query[DIM / 16][4];
    float out[DIM / 8][4];
    Softmax part[2], all[2];
    Span span[2];

    // `together`: the results of ranges will be merged here.
    __device__ __forceinline__ MatrixCore(
        char *shared, double scoreScale, int headDim, bool together) {
        scale = static_cast<float>(scoreScale) * LOG2_E;
        width = headDim;
        keys = reinterpret_cast<bf16 *>(shared);
        values = keys + KEYS * LD;
        sums = reinterpret_cast<float4 *>(values + KEYS * LD);
        for (int j = 0; j < DIM / 8 && together; j++) {
            sums[j * THREADS + threadIdx.x] = make_float4(0, 0, 0, 0);
        }
        all[0] = all[1] = Softmax::none();
    }

    // Index of this lane's query g + 8 h in the tile.
    __device__ __forceinline__ static int index(int h) {
        return warp_index() * 16 + lane_index() / 4 + 8 * h;
    }

    // Begins a range.
    __device__ __forceinline__ void clear() {
        part[0] = part[1] = Softmax::none();
#pragma unroll
        for (int j = 0; j < DIM / 8; j++) {
            out[j][0] = out[j][1] = out[j][2] = out[j][3] = 0;
        }
    }

    // `place` gives the address of a query's vector.
    template <class Place>
    __device__ __forceinline__ void load_queries(const Queries &q, bool, Place place) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const float *x = index(h) < q.count() ? place(index(h)) : nullptr;
#pragma unroll
            for (int c = 0; c < DIM / 8; c++) {
                int at = c * 8 + lane_index() % 4 * 2;
                float low = x && at < width ? x[at] : 0;
                float high = x && at + 1 < width ? x[at + 1] : 0;
                query[c / 2][c % 2 * 2 + h] = pack_bf16(low, high);
            }
        }
    }

    // `keysOf` gives the keys that a query attends to from now on.
    template <class KeysOf> __device__ __forceinline__ void set_spans(KeysOf keysOf) {
        span[0] = keysOf(index(0));
        span[1] = keysOf(index(1));
    }

    // Begins to fetch the first keys.
    template <class Rows>
    __device__ __forceinline__ void begin(const Operand<Rows> &operand, int first, const Span &any) {
        operand.template copy<DIM, THREADS>(keys, KEY, first, any);
    }

    // Meets keys [first, first + KEYS), which have been begun, and begins those from `next` on.
    template <class Rows>
    __device__ __forceinline__ void meet(
        const Operand<Rows> &operand, int first, int next, const Span &any) {
        cp_async_wait<0>();
        __syncthreads();
        operand.template copy<DIM, THREADS>(values, VALUE, first, any);
        float scores[KEYS / 8][4] = {};
        multiply_keys(scores);
        mask(scores, first);
        weigh(scores);
        cp_async_wait<0>();
        __syncthreads();
        if (next < any.to) {
            operand.template copy<DIM, THREADS>(keys, KEY, next, any);
        }
        multiply_values(scores);
    }

    __device__ __forceinline__ void multiply_keys(float (&scores)[KEYS / 8][4]) const {
        int lane = lane_index();
        const bf16 *at = keys + (lane % 8 + lane / 16 * 8) * LD + lane / 8 % 2 * 8;
#pragma unroll
        for (int c = 0; c < DIM / 16; c++) {
#pragma unroll
            for (int j = 0; j < KEYS / 16; j++) {
                uint32_t b[4];
                ldmatrix_x4<false>(b, at + j * 16 * LD + c * 16);
                mma_bf16(scores[2 * j], query[c], b[0], b[1]);
                mma_bf16(scores[2 * j + 1], query[c], b[2], b[3]);
            }
        }
    }

    __device__ __forceinline__ void mask(float (&scores)[KEYS / 8][4], int first) const {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            if (span[h].from <= first && span[h].to >= first + KEYS) {
                continue;
            }
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++) {
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    int key = first + j * 8 + lane_index() % 4 * 2 + e;
                    if (key < span[h].from || key >= span[h].to) {
                        scores[j][2 * h + e] = -INFINITY;
                    }
                }
            }
        }
    }

    // Scores become weights, and the sums so far relative to the new largest score.
    __device__ __forceinline__ void weigh(float (&scores)[KEYS / 8][4]) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float largest = part[h].largest;
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++) {
                largest = fmaxf(largest, fmaxf(scores[j][2 * h], scores[j][2 * h + 1]));
            }
            largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, 1));
            largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, 2));
            float factor = rescale(part[h].largest, largest, scale);
            float shift = -(reference(largest) * scale);
            float total = 0;
#pragma unroll
            for (int j = 0; j < KEYS / 8; j++) {
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    float &score = scores[j][2 * h + e];
                    score = exp2_approx(fmaf(score, scale, shift));
                    total += score;
                }
            }
            // Of this lane's keys alone: the lanes' totals are added when the range ends.
            part[h].total = fmaf(part[h].total, factor, total);
            part[h].largest = largest;
#pragma unroll
            for (int j = 0; j < DIM / 8; j++) {
                out[j][2 * h] *= factor;
                out[j][2 * h + 1] *= factor;
            }
        }
    }

    __device__ __forceinline__ void multiply_values(const float (&weights)[KEYS / 8][4]) {
        int lane = lane_index();
        const bf16 *at = values + lane % 16 * LD + lane / 16 * 8;
#pragma unroll
        for (int c = 0; c < KEYS / 16; c++) {
            const float(&low)[4] = weights[2 * c];
            const float(&high)[4] = weights[2 * c + 1];
            uint32_t a[4] = {
                pack_bf16(low[0], low[1]), pack_bf16(low[2], low[3]), pack_bf16(high[0], high[1]),
                pack_bf16(high[2], high[3])};
#pragma unroll
            for (int j = 0; j < DIM / 16; j++) {
                uint32_t b[4];
                ldmatrix_x4<true>(b, at + c * 16 * LD + j * 16);
                mma_bf16(out[2 * j], a, b[0], b[1]);
                mma_bf16(out[2 * j + 1], a, b[2], b[3]);
            }
        }
    }

    // The keys of a range are complete: the lanes' totals become one.
    __device__ __forceinline__ void complete() {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            part[h].total += __shfl_xor_sync(ALL_LANES, part[h].total, 1);
            part[h].total += __shfl_xor_sync(ALL_LANES, part[h].total, 2);
        }
    }

    // Adds the complete range to those before.
    __device__ __forceinline__ void merge_range() {
        Weights w0 = merge(all[0], part[0], scale), w1 = merge(all[1], part[1], scale);
#pragma unroll
        for (int j = 0; j < DIM / 8; j++) {
            float4 &sum = sums[j * THREADS + threadIdx.x];
            float4 s = sum;
            s.x = merge(s.x, out[j][0], w0);
            s.y = merge(s.y, out[j][1], w0);
            s.z = merge(s.z, out[j][2], w1);
            s.w = merge(s.w, out[j][3], w1);
            sum = s;
        }
    }

    // Takes what has been merged as the result.
    __device__ __forceinline__ void take_merged() {
        part[0] = all[0];
        part[1] = all[1];
#pragma unroll
        for (int j = 0; j < DIM / 8; j++) {
            float4 s = sums[j * THREADS + threadIdx.x];
            out[j][0] = s.x;
            out[j][1] = s.y;
            out[j][2] = s.z;
            out[j][3] = s.w;
        }
    }

    // Writes the means where `place` says.
    template <class Place> __device__ __forceinline__ void write(const Queries &q, Place place) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            if (index(h) < q.count()) {
                store(place(index(h)), h, 1 / part[h].total);
            }
        }
    }

    // Writes parts where `place` says: the softmax and the sums.
    template <class Place>
    __device__ __forceinline__ void write_parts(const Queries &q, Place place) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            if (index(h) >= q.count()) {
                continue;
            }
            float *to = place(index(h));
            if (lane_index() % 4 == 0) {
                to[0] = part[h].largest;
                to[1] = part[h].total;
            }
            store(to + 2, h, 1);
        }
    }

    __device__ __forceinline__ void store(float *to, int h, float factor) const {
#pragma unroll
        for (int j = 0; j < DIM / 8; j++) {
#pragma unroll
            for (int e = 0; e < 2; e++) {
                int at = j * 8 + lane_index() % 4 * 2 + e;
                if (at < width) {
                    to[at] = out[j][2 * h + e] * factor;
                }
            }
        }
    }
};

#endif
