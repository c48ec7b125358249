// What attention on tensor cores is made of: operands in shared memory, and the steps of a warp.
//
// A warp takes 16 queries. Fragments are those of mma.m16n8k16: lane 4 g + t holds queries g and
// g + 8, and of each 8 keys or dimensions the two from 2 t on. Queries stay in registers as left
// operand; scores become the left operand of the second product where they are. A row of keys or
// values in shared memory is 16 bytes longer than DIM elements, so that the eight rows of a matrix
// that ldmatrix fetches lie in different banks.
#ifndef OCELLUS_ATTENTION_FRAGMENTS_CUH
#define OCELLUS_ATTENTION_FRAGMENTS_CUH

#include "attention_scores.cuh"

constexpr int CACHE_LINE = 128;

// Keys and values of one head: rows of `width` elements of bfloat16, or of Q8 blocks. THREADS
// neighbouring threads copy together.
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

    // Brings rows, which will be copied soon, closer: to the second-level cache.
    template <int THREADS>
    __device__ __forceinline__ void prefetch(Side side, int first, const Span &span) const {
        int bytes = static_cast<int>(row_bytes(blocks ? DTYPE_Q8 : DTYPE_BF16, width));
        for (int r = threadIdx.x % THREADS; r < KEYS; r += THREADS) {
            const char *row = find(side, first + r, span);
            for (int b = 0; row && b < bytes; b += CACHE_LINE) {
                prefetch_l2(row + b);
            }
        }
    }

    __device__ __forceinline__ const char *find(Side side, int key, const Span &span) const {
        return key >= span.from && key < span.to ? rows.at(side, key) : nullptr;
    }

    template <int DIM, int THREADS>
    __device__ __forceinline__ void copy_elements(
        bf16 *to, Side side, int first, const Span &span) const {
        constexpr int LANES = 8;
        int thread = threadIdx.x % THREADS, lane = thread % LANES;
#pragma unroll 2
        for (int i = 0; i < KEYS * LANES / THREADS; i++) {
            int r = thread / LANES + i * (THREADS / LANES);
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
        int thread = threadIdx.x % THREADS, pair = thread % LANES * 2;
#pragma unroll 2
        for (int i = 0; i < KEYS * LANES / THREADS; i++) {
            int r = thread / LANES + i * (THREADS / LANES);
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

// Adds the products of a warp's 16 queries with a tile of keys.
template <int DIM>
__device__ __forceinline__ void multiply_keys(
    float (&scores)[KEYS / 8][4], const uint32_t (&query)[DIM / 16][4], const bf16 *keys) {
    constexpr int LD = DIM + CHUNK;
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

// Two dimensions of queries g and g + 8 as left operand, from where `place(h)` says; null gives zeros.
template <int DIM, class Place>
__device__ __forceinline__ void load_fragments(
    uint32_t (&query)[DIM / 16][4], int width, Place place) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
        const float *x = place(h);
#pragma unroll
        for (int c = 0; c < DIM / 8; c++) {
            int at = c * 8 + lane_index() % 4 * 2;
            float low = x && at < width ? x[at] : 0;
            float high = x && at + 1 < width ? x[at + 1] : 0;
            query[c / 2][c % 2 * 2 + h] = pack_bf16(low, high);
        }
    }
}

// Weights of 16 keys as left operand: those of a lane lie there already.
__device__ __forceinline__ uint4 weight_fragment(const float (&low)[4], const float (&high)[4]) {
    return make_uint4(
        pack_bf16(low[0], low[1]), pack_bf16(low[2], low[3]), pack_bf16(high[0], high[1]),
        pack_bf16(high[2], high[3]));
}

// Adds the products of weights of 16 keys with 16 dimensions of their values, which begin at `values`.
__device__ __forceinline__ void multiply_values(
    float (&low)[4], float (&high)[4], const uint4 &weights, const bf16 *values, int ld) {
    const uint32_t a[4] = {weights.x, weights.y, weights.z, weights.w};
    uint32_t b[4];
    ldmatrix_x4<true>(b, values + lane_index() % 16 * ld + lane_index() / 16 * 8);
    mma_bf16(low, a, b[0], b[1]);
    mma_bf16(high, a, b[2], b[3]);
}

#endif
