// Attention on tensor cores, for head sizes up to DIM: queries, keys, values and the unnormalised
// weights meet as bfloat16, sums and the softmax are float32. A warp takes 16 queries and passes the keys
// one tile after the other.
#ifndef OCELLUS_ATTENTION_MATRIX_CUH
#define OCELLUS_ATTENTION_MATRIX_CUH

#include "attention_fragments.cuh"

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
        load_fragments<DIM>(query, width, [&](int h) {
            return index(h) < q.count() ? place(index(h)) : nullptr;
        });
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
        multiply_keys<DIM>(scores, query, keys);
        mask_query<KEYS>(scores, 0, span[0], first);
        mask_query<KEYS>(scores, 1, span[1], first);
        weigh(scores);
        cp_async_wait<0>();
        __syncthreads();
        if (next < any.to) {
            operand.template copy<DIM, THREADS>(keys, KEY, next, any);
        }
        multiply_values(scores);
    }

    // Scores become weights, and the sums so far relative to the new largest score.
    __device__ __forceinline__ void weigh(float (&scores)[KEYS / 8][4]) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float largest = largest_score<KEYS>(scores, h, part[h].largest);
            float factor = rescale(part[h].largest, largest, scale);
            float total = weigh_query<KEYS>(scores, h, largest, scale);
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
#pragma unroll
        for (int c = 0; c < KEYS / 16; c++) {
            uint4 a = weight_fragment(weights[2 * c], weights[2 * c + 1]);
#pragma unroll
            for (int j = 0; j < DIM / 16; j++) {
                ::multiply_values(
                    out[2 * j], out[2 * j + 1], a, values + c * 16 * LD + j * 16, LD);
            }
        }
    }

    // The keys of a range are complete: the lanes' totals become one.
    __device__ __forceinline__ void complete() {
        add_totals(part[0]);
        add_totals(part[1]);
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
