// Which keys the rows of causal attention over a paged cache attend to, and where those lie: see
// KernelCall.PagedAttention.
#ifndef OCELLUS_ATTENTION_PAGED_CUH
#define OCELLUS_ATTENTION_PAGED_CUH

#include "attention.cuh"

// The keys that a row attends to.
__device__ __forceinline__ Span keys_of(const struct PagedAttention &a, int64_t row) {
    int end = a.slot[row] + 1;
    return {a.window > 0 && a.window < end ? end - static_cast<int>(a.window) : 0, end};
}

// Consecutive rows of one sequence, and the keys that any of them attends to.
struct Run {
    int64_t row, end;
    Span keys;
};

__device__ __forceinline__ Run run_from(const struct PagedAttention &a, int64_t row, int64_t limit) {
    Run run = {row, row + 1, keys_of(a, row)};
    while (run.end < limit && a.sequence[run.end] == a.sequence[row]) {
        Span keys = keys_of(a, run.end++);
        run.keys.from = min(run.keys.from, keys.from);
        run.keys.to = max(run.keys.to, keys.to);
    }
    return run;
}

// The keys and values of a head in a sequence.
__device__ __forceinline__ PagedRows rows_of(
    const struct PagedAttention &a, int64_t sequence, int64_t kvHead) {
    int64_t stride = row_bytes(a.cacheType, a.headDim), head = kvHead * a.pageTokens * stride;
    unsigned tokens = static_cast<unsigned>(a.pageTokens);
    return {
        a.pages + sequence * a.maxPages,
        {a.kOffset + head, a.vOffset + head},
        static_cast<int>(stride),
        tokens,
        static_cast<unsigned>(((1ull << 32) + tokens - 1) / tokens)};
}

#endif
