// What the kernels of sample.cu are made of: integers that stand for floats, sums over a block, and
// the search among the tokens of a row.
#ifndef OCELLUS_SAMPLING_CUH
#define OCELLUS_SAMPLING_CUH

#include "device.cuh"

// Of one row, as the class of the same name writes them.
struct SampleOptions {
    double temperature;
    int64_t topK;
    double topP;
    double minP;
    double repetitionPenalty;
    int64_t seed;
    uint32_t *seen;
    int64_t occurred;
    int64_t step;
};

// As the structures of arguments.h, for a call that is the GPU's alone.
struct Sample {
    const float *logits;
    int64_t ldl;
    const struct SampleOptions *options;
    int32_t *tokens;
    int64_t candidates;
    int32_t *candidateIds;
    float *candidateScores;
    int64_t rows;
    const int64_t *rowCount;
    int64_t vocabulary;
    void *scratch;
};

namespace sampling {

// Threads and tokens of a block that reads a part of a row; SampleKernels counts the same.
constexpr int CHUNK_THREADS = 256, CHUNK = 4096;
constexpr int THREADS = 1024;                     // of sample_token
constexpr int BINS = 256, BIN_BITS = 8;
constexpr float BINS_PER_UNIT = 8;                // of distance from the best
constexpr int SHARE_BITS = 62;                    // fraction bits of a probability

typedef unsigned long long wide;                  // what 64-bit atomics take

// ---- rows --------------------------------------------------------------------------------------

// The scratch memory of a row.
struct workspace {
    wide *counts;    // [BINS] tokens by distance
    wide *weighed;   // [BINS] their weight
    wide *bests;     // [chunks]
    float *scores;   // [vocabulary], minus infinity for what is not a number
    float *weights;  // [vocabulary]
    int32_t *ids;    // [vocabulary] survivors
};

__device__ __forceinline__ int chunks_of(const struct Sample &a) {
    return static_cast<int>(ceil_div(a.vocabulary, CHUNK));
}

__device__ __forceinline__ workspace workspace_of(const struct Sample &a, int64_t row) {
    int64_t chunks = ceil_div(a.vocabulary, CHUNK), tokens = chunks * CHUNK;
    wide *start = static_cast<wide *>(a.scratch) + row * (2 * BINS + chunks + tokens / 2 * 3);
    float *scores = reinterpret_cast<float *>(start + 2 * BINS + chunks);
    return {
        start, start + BINS, start + 2 * BINS, scores, scores + tokens,
        reinterpret_cast<int32_t *>(scores + 2 * tokens),
    };
}

// ---- numbers -----------------------------------------------------------------------------------

// Unsigned integers in the order of the floats.
__device__ __forceinline__ uint32_t ordered(float v) {
    uint32_t bits = __float_as_uint(v);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ float unordered(uint32_t key) {
    return __uint_as_float(key >> 31 ? key & 0x7fffffffu : ~key);
}

// floor(v 2^bits) for 0 <= v < 2 and bits at most 62.
__device__ __forceinline__ wide fixed_point(float v, int bits) {
    uint32_t word = __float_as_uint(v);
    int shift = static_cast<int>(word >> 23) - 150 + bits;
    wide mantissa = (word & 0x7fffff) | 0x800000;
    return shift >= 0 ? mantissa << shift : shift > -24 ? mantissa >> -shift : 0;
}

__device__ __forceinline__ float from_fixed_point(wide v, int bits) {
    return static_cast<float>(v) * __uint_as_float(static_cast<uint32_t>(127 - bits) << 23);
}

// Fraction bits of weights: as many as leave room for the sum of all.
__device__ __forceinline__ int weight_bits(const struct Sample &a) {
    return SHARE_BITS - (32 - __clz(static_cast<int>(a.vocabulary)));
}

// ---- reductions --------------------------------------------------------------------------------

__device__ __forceinline__ wide warp_max_wide(wide v) {
#pragma unroll
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        wide other = __shfl_xor_sync(ALL_LANES, v, distance);
        v = other > v ? other : v;
    }
    return v;
}

// The sum over the lanes up to this one.
__device__ __forceinline__ wide warp_scan(wide v) {
#pragma unroll
    for (int distance = 1; distance < WARP; distance *= 2) {
        wide other = __shfl_up_sync(ALL_LANES, v, distance);
        v += lane_index() >= distance ? other : 0;
    }
    return v;
}

__device__ __forceinline__ wide block_max_wide(wide v) {
    __shared__ wide parts[WARP];
    v = warp_max_wide(v);
    __syncthreads();
    if (lane_index() == 0) {
        parts[warp_index()] = v;
    }
    __syncthreads();
    int warps = static_cast<int>(blockDim.x) / WARP;
    return warp_max_wide(lane_index() < warps ? parts[lane_index()] : 0);
}

// The sum over the threads up to this one; `total` is that over all. For THREADS threads.
__device__ __forceinline__ wide block_scan(wide v, wide *total) {
    __shared__ wide parts[WARP];
    v = warp_scan(v);
    __syncthreads();
    if (lane_index() == WARP - 1) {
        parts[warp_index()] = v;
    }
    __syncthreads();
    wide warps = warp_scan(parts[lane_index()]);
    *total = __shfl_sync(ALL_LANES, warps, WARP - 1);
    wide before = __shfl_sync(ALL_LANES, warps, warp_index() == 0 ? 0 : warp_index() - 1);
    return v + (warp_index() == 0 ? 0 : before);
}

// The best token of a row: its ordered score and the complement of its id, of which the first wins;
// 0 if no score is above minus infinity.
__device__ __forceinline__ wide best_of(const struct Sample &a, const workspace &w) {
    wide best = 0;
    for (int i = threadIdx.x; i < chunks_of(a); i += blockDim.x) {
        best = w.bests[i] > best ? w.bests[i] : best;
    }
    return block_max_wide(best);
}

// ---- tokens ------------------------------------------------------------------------------------

// The tokens that are left, in ascending order of their ids. A token's key is how far its score is
// from the best one's, counted in floats.
struct survivors {
    const float *scores;
    const float *weights;
    const int32_t *ids;  // null: all tokens
    int count;
    uint32_t best;

    __device__ __forceinline__ int id(int i) const { return ids ? ids[i] : i; }

    __device__ __forceinline__ uint32_t key(int id) const { return best - ordered(scores[id]); }
};

// Where a running sum over BINS bins, continued from `before`, satisfies `reached` first: the bin
// (BINS if none), and the sum before it.
struct place {
    int bin;
    wide before;
};

template <class Reached>
__device__ __forceinline__ place first_reached(const wide *bins, wide before, Reached reached) {
    __shared__ place found;
    __syncthreads();
    if (warp_index() == 0) {
        constexpr int OWN = BINS / WARP;
        const wide *own = bins + lane_index() * OWN;
        wide sum = 0;
        for (int i = 0; i < OWN; i++) {
            sum += own[i];
        }
        wide upTo = before + warp_scan(sum);
        unsigned lanes = __ballot_sync(ALL_LANES, reached(upTo));
        if (lanes == 0 && lane_index() == 0) {
            found = {BINS, before};
        }
        if (lanes != 0 && lane_index() == __ffs(static_cast<int>(lanes)) - 1) {
            int i = 0;
            upTo -= sum;
            while (!reached(upTo + own[i])) {
                upTo += own[i++];
            }
            found = {lane_index() * OWN + i, upTo};
        }
    }
    __syncthreads();
    return found;
}

// The smallest key at which the sum of `quantity` over all tokens up to it satisfies `reached`, and
// the sum before it; the largest key if none does.
struct threshold {
    uint32_t key;
    wide before;
};

template <class Quantity, class Reached>
__device__ __forceinline__ threshold select(
    const survivors &s, Quantity quantity, Reached reached) {
    __shared__ wide bins[BINS];
    threshold found = {0, 0};
    for (int shift = 32 - BIN_BITS; shift >= 0; shift -= BIN_BITS) {
        __syncthreads();
        if (threadIdx.x < BINS) {
            bins[threadIdx.x] = 0;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < s.count; i += THREADS) {
            int id = s.id(i);
            uint32_t digits = s.key(id) >> shift;
            if (digits / BINS == found.key) {
                atomicAdd(&bins[digits % BINS], quantity(id));
            }
        }
        place p = first_reached(bins, found.before, reached);
        if (p.bin == BINS) {
            return {0xffffffffu, p.before};
        }
        found = {found.key * BINS + p.bin, p.before};
    }
    return found;
}

// The id of the token at which the running sum of `quantity` exceeds target(sum over all) first;
// the sum over all must exceed it.
template <class Quantity, class Target>
__device__ __forceinline__ int locate(const survivors &s, Quantity quantity, Target target) {
    __shared__ int found;
    int own = (s.count + THREADS - 1) / THREADS;
    int begin = threadIdx.x * own, end = begin + own < s.count ? begin + own : s.count;
    wide sum = 0, total;
    for (int i = begin; i < end; i++) {
        sum += quantity(s.id(i));
    }
    wide upTo = block_scan(sum, &total), goal = target(total);
    if (upTo > goal && upTo - sum <= goal) {
        upTo -= sum;
        int i = begin;
        while ((upTo += quantity(s.id(i))) <= goal) {
            i++;
        }
        found = s.id(i);
    }
    __syncthreads();
    return found;
}

// How far below the best a score is, in bins.
__device__ __forceinline__ int bin_of(float score, float best) {
    float distance = (best - score) * BINS_PER_UNIT;
    return distance < BINS - 1 ? static_cast<int>(distance) : BINS - 1;
}

// The tokens up to a bin; all if that is not the last but one at most.
__device__ __forceinline__ survivors collect(
    const struct Sample &a, const workspace &w, uint32_t best, int lastBin) {
    int vocabulary = static_cast<int>(a.vocabulary);
    if (lastBin >= BINS - 1) {
        return {w.scores, w.weights, nullptr, vocabulary, best};
    }
    int count = 0;
    float top = unordered(best);
    for (int start = 0; start < vocabulary; start += THREADS * 4) {
        int id = start + static_cast<int>(threadIdx.x) * 4;
        bool in[4];
        wide own = 0, total;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            in[i] = id + i < vocabulary && bin_of(w.scores[id + i], top) <= lastBin;
            own += in[i];
        }
        int at = count + static_cast<int>(block_scan(own, &total) - own);
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (in[i]) {
                w.ids[at++] = id + i;
            }
        }
        count += static_cast<int>(total);
    }
    __syncthreads();
    return {w.scores, w.weights, w.ids, count, best};
}

// The last bin of the `count` best tokens.
__device__ __forceinline__ int last_bin(const workspace &w, wide count) {
    return first_reached(w.counts, 0, [=](wide n) { return n >= count; }).bin;
}

// The last key of the `count` best tokens, and how many are better.
__device__ __forceinline__ threshold last_key(const survivors &s, wide count) {
    return select(s, [](int) { return wide(1); }, [=](wide n) { return n >= count; });
}

}  // namespace sampling

#endif
