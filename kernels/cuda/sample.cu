// The next token of each row of logits: repetition penalty, temperature, top-k, top-p, min-p, in this
// order, and a draw; or the largest logit.
//
//   sample_scores   many blocks a row: penalty and temperature; the best token of each chunk
//   sample_weights  many blocks a row: what each token counts in the softmax (1 for the best), and how
//                   many tokens and how much weight lie how far below the best
//   sample_token    one block a row: what is kept, and the draw
//
// There is no sort. The distances from the best token bound the tokens that top-k or top-p can keep;
// only those survivors are collected, and the exact threshold among them is found digit by digit of
// the floats' ordered bits. All sums are integers (weights and probabilities in fixed point), so that
// they depend on no order and one token in many millions of draws at most differs from the host's.
#include "quad.cuh"

// Of one row; see SampleKernels.
struct SampleOptions {
    double temperature;
    int64_t topK;
    double topP;
    double minP;
    double repetitionPenalty;
    int64_t seed;
    int64_t step;
};

struct Sample {
    const float *logits;
    int64_t ldl;
    const struct SampleOptions *options;
    uint32_t *seen;
    int32_t *tokens;
    int64_t rows;
    const int64_t *rowCount;
    int64_t vocabulary;
    void *scratch;
};

namespace sampling {

constexpr int CHUNK_THREADS = 256, CHUNK = 4096;  // tokens of a block; SampleKernels counts the same
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

// Fraction bits of weights: as many as leave room for the sum of all.
__device__ __forceinline__ int weight_bits(const struct Sample &a) {
    return SHARE_BITS - (32 - __clz(static_cast<int>(a.vocabulary)));
}

// Two words of Philox 4x32-10 (Salmon et al. 2011) for a key and a counter whose upper half is zero.
__device__ __forceinline__ uint64_t philox(uint64_t seed, uint64_t step) {
    uint32_t c0 = static_cast<uint32_t>(step), c1 = static_cast<uint32_t>(step >> 32), c2 = 0, c3 = 0;
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
        c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
        c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
        c1 = static_cast<uint32_t>(p1);
        c3 = static_cast<uint32_t>(p0);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return static_cast<uint64_t>(c1) << 32 | c0;
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
    return warp_max_wide(lane_index() < static_cast<int>(blockDim.x) / WARP ? parts[lane_index()] : 0);
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

// ---- the choice --------------------------------------------------------------------------------

// The tokens that are left, in ascending order of their ids. A token's key is its place in the order
// of scores: 0 for the best.
struct survivors {
    const float *scores;
    const float *weights;
    const int32_t *ids;  // null: all tokens
    int count;
    uint32_t best;

    __device__ __forceinline__ int id(int i) const { return ids ? ids[i] : i; }

    __device__ __forceinline__ uint32_t key(int id) const { return best - ordered(scores[id]); }
};

// What is kept of them.
struct cut {
    uint32_t key;     // the last one
    int lastId;       // of those with the last key
    float total;      // kept is what has at least `share` of it
    float share;

    __device__ __forceinline__ bool keeps(const survivors &s, int id) const {
        uint32_t k = s.key(id);
        return (k < key || (k == key && id <= lastId)) && s.weights[id] / total >= share;
    }
};

constexpr cut ALL = {0xffffffffu, 0x7fffffff, 1, 0};

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
__device__ __forceinline__ threshold select(const survivors &s, Quantity quantity, Reached reached) {
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

// The id of the token at which the running sum of `quantity` exceeds target(sum over all) first; the
// sum over all must exceed it.
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

// The weight of all kept tokens.
__device__ __forceinline__ float total_weight(const survivors &s, const cut &c, int bits) {
    wide sum = 0, total;
    for (int i = threadIdx.x; i < s.count; i += THREADS) {
        int id = s.id(i);
        sum += c.keeps(s, id) ? fixed_point(s.weights[id], bits) : 0;
    }
    block_scan(sum, &total);
    return static_cast<float>(ldexp(static_cast<double>(total), -bits));
}

// Collects the tokens that are not further from the best than those of a bin.
__device__ __forceinline__ int bin_of(float score, float best) {
    float distance = (best - score) * BINS_PER_UNIT;
    return distance < BINS - 1 ? static_cast<int>(distance) : BINS - 1;
}

__device__ __forceinline__ int collect(
    const struct Sample &a, const workspace &w, float best, int lastBin) {
    int count = 0;
    for (int start = 0; start < a.vocabulary; start += THREADS) {
        int id = start + static_cast<int>(threadIdx.x);
        bool in = id < a.vocabulary && bin_of(w.scores[id], best) <= lastBin;
        wide total, upTo = block_scan(in, &total);
        if (in) {
            w.ids[count + static_cast<int>(upTo) - 1] = id;
        }
        count += static_cast<int>(total);
    }
    __syncthreads();
    return count;
}

// The tokens that top-k, or else top-p, can keep.
__device__ __forceinline__ survivors survivors_of(
    const struct Sample &a, const struct SampleOptions &o, const workspace &w, uint32_t best) {
    int lastBin = BINS;
    if (o.topK > 0 && o.topK < a.vocabulary) {
        wide wanted = static_cast<wide>(o.topK);
        lastBin = first_reached(w.counts, 0, [=](wide n) { return n >= wanted; }).bin;
    } else if (o.topP < 1) {
        wide total = 0;
        for (int i = 0; i < BINS; i++) {
            total += w.weighed[i];
        }
        // Room for what rounding does to the probabilities.
        double wanted = static_cast<double>(total) * (o.topP + 1e-6);
        lastBin = first_reached(w.weighed, 0, [=](wide n) {
            return static_cast<double>(n) >= wanted;
        }).bin;
    }
    if (lastBin >= BINS - 1) {
        return {w.scores, w.weights, nullptr, static_cast<int>(a.vocabulary), best};
    }
    return {w.scores, w.weights, w.ids, collect(a, w, unordered(best), lastBin), best};
}

// Keeps the most likely tokens until the probabilities of the others together are at most 1 - p. Where
// only some of equal tokens stay, they are the first ones.
__device__ __forceinline__ cut keep_top_p(const survivors &s, cut c, double topP, int bits) {
    float total = total_weight(s, c, bits), limit = static_cast<float>(1 - topP);
    // As the host does: the first subtraction in float32.
    float first = 1.0f / total;
    wide all = fixed_point(1.0f - first, SHARE_BITS) + fixed_point(first, SHARE_BITS);
    auto share = [&](int id) {
        return c.keeps(s, id) ? fixed_point(s.weights[id] / total, SHARE_BITS) : 0;
    };
    auto reached = [=](wide kept) {
        double others = static_cast<double>(static_cast<int64_t>(all - kept));
        return static_cast<float>(ldexp(others, -SHARE_BITS)) <= limit;
    };
    threshold t = select(s, share, reached);
    if (t.key == 0xffffffffu) {
        return c;
    }
    // How many of the last key: the sum rises by the same with each.
    auto last = [&](int id) { return static_cast<wide>(s.key(id) == t.key && c.keeps(s, id)); };
    wide ties, own = 0, one = fixed_point(
        static_cast<float>(exp(static_cast<double>(unordered(s.best - t.key) - unordered(s.best))))
            / total, SHARE_BITS);
    for (int i = threadIdx.x; i < s.count; i += THREADS) {
        own += last(s.id(i));
    }
    block_scan(own, &ties);
    wide low = 1, high = ties;
    while (low < high) {
        wide middle = (low + high) / 2;
        if (reached(t.before + middle * one)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    c.key = t.key;
    c.lastId = locate(s, last, [=](wide) { return low - 1; });
    return c;
}

__device__ __forceinline__ int draw(
    const struct Sample &a, const struct SampleOptions &o, const workspace &w, uint32_t best) {
    survivors s = survivors_of(a, o, w, best);
    int bits = weight_bits(a);
    cut c = ALL;
    if (o.topK > 0 && o.topK < a.vocabulary) {
        wide wanted = static_cast<wide>(o.topK);
        c.key = select(s, [](int) { return wide(1); }, [=](wide n) { return n >= wanted; }).key;
    }
    if (o.topP < 1) {
        c = keep_top_p(s, c, o.topP, bits);
    }
    if (o.minP > 0) {
        float total = total_weight(s, c, bits);
        c.total = total;
        c.share = static_cast<float>(o.minP) * (1.0f / total);
    }
    uint64_t uniform = philox(o.seed, o.step) >> 11;
    return locate(
        s, [&](int id) { return c.keeps(s, id) ? fixed_point(s.weights[id], bits) : 0; },
        [=](wide total) {
            return static_cast<wide>(static_cast<unsigned __int128>(total) * uniform >> 53);
        });
}

}  // namespace sampling

extern "C" __global__ void __launch_bounds__(256) sample_scores(const struct Sample a) {
    using namespace sampling;
    int64_t row = blockIdx.y;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    const struct SampleOptions &o = a.options[row];
    workspace w = workspace_of(a, row);
    if (blockIdx.x == 0) {
        w.counts[threadIdx.x] = w.weighed[threadIdx.x] = 0;
    }
    float penalty = static_cast<float>(o.repetitionPenalty);
    float temperature = o.temperature > 0 ? static_cast<float>(o.temperature) : 1.0f;
    const uint32_t *seen = a.seen ? a.seen + row * ceil_div(a.vocabulary, 32) : nullptr;
    wide best = 0;
    for (int i = 0; i < CHUNK; i += CHUNK_THREADS) {
        int id = static_cast<int>(blockIdx.x) * CHUNK + i + static_cast<int>(threadIdx.x);
        if (id >= a.vocabulary) {
            break;
        }
        float v = a.logits[row * a.ldl + id];
        if (seen && seen[id / 32] >> (id % 32) & 1) {
            v = v < 0 ? v * penalty : v / penalty;
        }
        v = v / temperature;
        v = v == v ? v : -INFINITY;
        w.scores[id] = v;
        wide key = static_cast<wide>(ordered(v)) << 32 | static_cast<uint32_t>(~id);
        best = v > -INFINITY && key > best ? key : best;
    }
    best = block_max_wide(best);
    if (threadIdx.x == 0) {
        w.bests[blockIdx.x] = best;
    }
}

extern "C" __global__ void __launch_bounds__(256) sample_weights(const struct Sample a) {
    using namespace sampling;
    __shared__ wide counts[BINS], weighed[BINS];
    int64_t row = blockIdx.y;
    if (row >= ROW_COUNT(a) || !(a.options[row].temperature > 0)) {
        return;
    }
    workspace w = workspace_of(a, row);
    float best = unordered(static_cast<uint32_t>(best_of(a, w) >> 32));
    int bits = weight_bits(a);
    counts[threadIdx.x] = weighed[threadIdx.x] = 0;
    __syncthreads();
    for (int i = 0; i < CHUNK; i += CHUNK_THREADS) {
        int id = static_cast<int>(blockIdx.x) * CHUNK + i + static_cast<int>(threadIdx.x);
        if (id >= a.vocabulary) {
            break;
        }
        float score = w.scores[id];
        float weight = static_cast<float>(exp(static_cast<double>(score - best)));
        w.weights[id] = weight;
        int bin = bin_of(score, best);
        atomicAdd(&counts[bin], wide(1));
        atomicAdd(&weighed[bin], fixed_point(weight, bits));
    }
    __syncthreads();
    if (counts[threadIdx.x]) {
        atomicAdd(&w.counts[threadIdx.x], counts[threadIdx.x]);
        atomicAdd(&w.weighed[threadIdx.x], weighed[threadIdx.x]);
    }
}

extern "C" __global__ void __launch_bounds__(1024) sample_token(const struct Sample a) {
    using namespace sampling;
    int64_t row = blockIdx.x;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    const struct SampleOptions &o = a.options[row];
    workspace w = workspace_of(a, row);
    wide best = best_of(a, w);
    uint32_t key = static_cast<uint32_t>(best >> 32);
    int token = best == 0 ? -1 : static_cast<int>(~static_cast<uint32_t>(best));
    if (best != 0 && o.temperature > 0 && unordered(key) < INFINITY) {
        token = draw(a, o, w, key);
    }
    if (threadIdx.x == 0) {
        a.tokens[row] = token;
        if (a.seen && token >= 0) {
            a.seen[row * ceil_div(a.vocabulary, 32) + token / 32] |= 1u << (token % 32);
        }
    }
}
