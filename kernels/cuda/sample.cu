// The next token of each row of logits: repetition penalty, temperature, top-k, top-p, min-p, in
// this order, and a draw; or the largest logit.
//
//   sample_scores      many blocks a row: penalty and temperature; the best token of each chunk
//   sample_weights     many blocks a row: what each token counts in the softmax (1 for the best),
//                      and how many tokens and how much weight lie how far below the best
//   sample_token       one block a row: what is kept, and the draw
//   sample_candidates  one block a row, where they are wanted: the most likely tokens in order
//
// Only candidates are sorted. The distances from the best token bound the tokens that top-k or
// top-p can keep; only those survivors are collected, and the exact threshold among them is found
// digit by digit of the floats' ordered bits. All sums are integers (weights and probabilities in
// fixed point), so that they depend on no order; a token differs from the host's only where the
// number drawn lies within about 2^-29 of a token's end.
#include "sampling.cuh"

namespace sampling {

// What is kept of the survivors.
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

// The weight of all tokens of a row.
__device__ __forceinline__ wide all_weight(const workspace &w) {
    wide sum = 0;
    for (int i = 0; i < BINS; i++) {
        sum += w.weighed[i];
    }
    return sum;
}

// The weight of those that are kept.
__device__ __forceinline__ float kept_weight(const survivors &s, const cut &c, int bits) {
    wide sum = 0, total;
    for (int i = threadIdx.x; i < s.count; i += THREADS) {
        int id = s.id(i);
        sum += c.keeps(s, id) ? fixed_point(s.weights[id], bits) : 0;
    }
    block_scan(sum, &total);
    return from_fixed_point(total, bits);
}

// Two words of Philox 4x32-10 (Salmon et al. 2011) for a key and a counter, the upper half of which
// is zero.
__device__ __forceinline__ uint64_t philox(uint64_t seed, uint64_t step) {
    uint32_t c0 = static_cast<uint32_t>(step), c1 = static_cast<uint32_t>(step >> 32);
    uint32_t c2 = 0, c3 = 0;
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

// The tokens that top-k, or else top-p, can keep.
__device__ __forceinline__ survivors survivors_of(
    const struct Sample &a, const struct SampleOptions &o, const workspace &w, uint32_t best) {
    int lastBin = BINS;
    if (o.topK > 0 && o.topK < a.vocabulary) {
        lastBin = last_bin(w, static_cast<wide>(o.topK));
    } else if (o.topP < 1) {
        // Room for what rounding does to the probabilities.
        double wanted = static_cast<double>(all_weight(w)) * (o.topP + 1e-6);
        lastBin = first_reached(w.weighed, 0, [=](wide n) {
            return static_cast<double>(n) >= wanted;
        }).bin;
    }
    return collect(a, w, best, lastBin);
}

// Keeps the most likely tokens until the probabilities of the others together are at most 1 - p, of
// the tokens whose weight is `total`. Where only some of equal tokens stay, they are the first.
__device__ __forceinline__ cut keep_top_p(const survivors &s, cut c, double topP, float total) {
    float limit = static_cast<float>(1 - topP);
    // As the host does: the first subtraction in float32.
    float first = 1.0f / total;
    wide all = fixed_point(1.0f - first, SHARE_BITS) + fixed_point(first, SHARE_BITS);
    auto share = [&](int id) {
        return c.keeps(s, id) ? fixed_point(s.weights[id] / total, SHARE_BITS) : 0;
    };
    auto reached = [=](wide kept) {
        // Rounding may take it below zero.
        return kept >= all || from_fixed_point(all - kept, SHARE_BITS) <= limit;
    };
    threshold t = select(s, share, reached);
    if (t.key == 0xffffffffu) {
        return c;
    }
    // The sum rises by the same with each token of the last key: the first of them that reaches.
    auto last = [&](int id) { return s.key(id) == t.key ? share(id) : 0; };
    c.key = t.key;
    c.lastId = locate(s, last, [=](wide ties) {
        wide low = 0, high = ties - 1;
        while (low < high) {
            wide middle = low + (high - low) / 2;
            if (reached(t.before + middle + 1)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    });
    return c;
}

__device__ __forceinline__ int draw(
    const struct Sample &a, const struct SampleOptions &o, const workspace &w, uint32_t best) {
    survivors s = survivors_of(a, o, w, best);
    int bits = weight_bits(a);
    cut c = ALL;
    bool some = o.topK > 0 && o.topK < a.vocabulary;
    if (some) {
        c.key = last_key(s, static_cast<wide>(o.topK)).key;
    }
    if (o.topP < 1) {
        float total = some ? kept_weight(s, c, bits) : from_fixed_point(all_weight(w), bits);
        c = keep_top_p(s, c, o.topP, total);
    }
    if (o.minP > 0) {
        float total = kept_weight(s, c, bits);
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

// Sorts `count` numbers, a power of two up to THREADS (Batcher 1968).
__device__ __forceinline__ void sort(wide *numbers, int count) {
    int i = threadIdx.x;
    for (int size = 2; size <= count; size *= 2) {
        for (int stride = size / 2; stride > 0; stride /= 2) {
            __syncthreads();
            int j = i ^ stride;
            if (i < j && j < count) {
                wide a = numbers[i], b = numbers[j];
                bool ascending = (i & size) == 0;
                numbers[i] = (a < b) == ascending ? a : b;
                numbers[j] = (a < b) == ascending ? b : a;
            }
        }
    }
    __syncthreads();
}

// Collects the `count` best tokens, each as key and id; of the last key the first ids.
__device__ __forceinline__ void collect_best(const survivors &s, int count, wide *numbers) {
    threshold last = last_key(s, static_cast<wide>(count));
    wide before = 0, total;
    for (int start = 0; start < s.count; start += THREADS) {
        int i = start + static_cast<int>(threadIdx.x);
        int id = i < s.count ? s.id(i) : 0;
        uint32_t key = s.key(id);
        bool better = i < s.count && key < last.key, tie = i < s.count && key == last.key;
        // Ranks among the better ones in the upper half, among the ties in the lower.
        wide rank = before + block_scan(static_cast<wide>(better) << 32 | tie, &total);
        wide slot = better ? (rank >> 32) - 1 : last.before + (rank & 0xffffffffu) - 1;
        if (better || (tie && slot < static_cast<wide>(count))) {
            numbers[slot] = static_cast<wide>(key) << 32 | static_cast<uint32_t>(id);
        }
        before += total;
    }
}

}  // namespace sampling

extern "C" __global__ void __launch_bounds__(256)
    sample_scores(const struct Sample a, const Mark mark) {
    begin(mark);
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
        // A sum with zero leaves no negative zero, which would come before zero in the order.
        v = v / temperature + 0.0f;
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

extern "C" __global__ void __launch_bounds__(256, 4)
    sample_weights(const struct Sample a, const Mark mark) {
    begin(mark);
    using namespace sampling;
    __shared__ wide counts[BINS], weighed[BINS];
    int64_t row = blockIdx.y;
    if (row >= ROW_COUNT(a) || !(a.options[row].temperature > 0 || a.candidates > 0)) {
        return;
    }
    workspace w = workspace_of(a, row);
    wide key = best_of(a, w);
    if (key == 0) {
        return;
    }
    float best = unordered(static_cast<uint32_t>(key >> 32));
    int bits = weight_bits(a);
    counts[threadIdx.x] = weighed[threadIdx.x] = 0;
    __syncthreads();
    for (int i = 0; i < CHUNK; i += CHUNK_THREADS) {
        int id = static_cast<int>(blockIdx.x) * CHUNK + i + static_cast<int>(threadIdx.x);
        if (id >= a.vocabulary) {
            break;
        }
        float score = w.scores[id];
        // The distance from a best one that is infinite is not a number.
        float distance = best < INFINITY ? score - best : -INFINITY;
        float weight = static_cast<float>(exp(static_cast<double>(distance)));
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

extern "C" __global__ void __launch_bounds__(1024, 1)
    sample_token(const struct Sample a, const Mark mark) {
    begin(mark);
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

extern "C" __global__ void __launch_bounds__(1024, 1)
    sample_candidates(const struct Sample a, const Mark mark) {
    begin(mark);
    using namespace sampling;
    __shared__ wide numbers[THREADS];
    int64_t row = blockIdx.x;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    workspace w = workspace_of(a, row);
    wide best = best_of(a, w);
    int count = static_cast<int>(a.candidates), rank = threadIdx.x;
    int32_t *ids = a.candidateIds + row * a.candidates;
    float *scores = a.candidateScores + row * a.candidates;
    if (best == 0) {
        if (rank < count) {
            ids[rank] = -1;
            scores[rank] = -INFINITY;
        }
        return;
    }
    uint32_t key = static_cast<uint32_t>(best >> 32);
    numbers[rank] = ~wide(0);
    survivors s = collect(a, w, key, last_bin(w, static_cast<wide>(count)));
    collect_best(s, count, numbers);
    int padded = 1;
    while (padded < count) {
        padded *= 2;
    }
    sort(numbers, padded);
    if (rank < count) {
        float total = from_fixed_point(all_weight(w), weight_bits(a));
        int id = static_cast<int>(static_cast<uint32_t>(numbers[rank]));
        ids[rank] = id;
        scores[rank] = w.scores[id] - unordered(key) - logf(total);
    }
}
