// What the kernels of attention over a paged cache share: see KernelCall.PagedAttention.
//
// Keys are summed up in ranges of RANGE, which begin at its multiples, and the ranges' results are merged
// in ascending order: by the block that passes all keys (paged_attention.cu), or by the last of those
// that have a part of them (paged_attention_few.cu). A row's bits are the same either way, with every
// height of a tile and every company in it. So a token has the same bits prefilled and decoded.
#ifndef OCELLUS_PAGED_ATTENTION_CUH
#define OCELLUS_PAGED_ATTENTION_CUH

#include "attention_paged.cuh"

constexpr int RANGE = 256;

// Up to here a tile's queries are of one row.
constexpr int FEW_ROWS = 64;

static_assert(RANGE % KEYS == 0, "ranges are made of whole tiles");

__device__ __forceinline__ int64_t padded(int64_t n, int64_t multiple) {
    return ceil_div(n, multiple) * multiple;
}

// Where the result of a query and a range lies, until all ranges are merged.
struct Part {
    float2 *softmax;  // the largest score and the total of the weights
    float *sums;
};

#endif
