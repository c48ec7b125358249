// Scores of queries with a tile of keys as a product on tensor cores leaves them: lane 4 g + t of a
// warp has those of queries g and g + 8 with keys 8 j + 2 t and 8 j + 2 t + 1. Query g + 8 h is
// query h of the lane; four lanes share it.
#ifndef OCELLUS_ATTENTION_SCORES_CUH
#define OCELLUS_ATTENTION_SCORES_CUH

#include "attention.cuh"

// Score e of query h with keys 8 j on: mma.sync and wgmma number the same registers differently.
template <int EIGHTS>
__device__ __forceinline__ float &score_of(float (&scores)[EIGHTS][4], int j, int h, int e) {
    return scores[j][2 * h + e];
}

template <int COUNT>
__device__ __forceinline__ float &score_of(float (&scores)[COUNT], int j, int h, int e) {
    return scores[4 * j + 2 * h + e];
}

// Scores of a query with keys outside its span, in a tile of TILE keys that begins at `first`, count
// for nothing.
template <int TILE, class Scores>
__device__ __forceinline__ void mask_query(Scores &scores, int h, const Span &span, int first) {
    if (span.from <= first && span.to >= first + TILE) {
        return;
    }
#pragma unroll
    for (int j = 0; j < TILE / 8; j++) {
#pragma unroll
        for (int e = 0; e < 2; e++) {
            int key = first + j * 8 + lane_index() % 4 * 2 + e;
            if (key < span.from || key >= span.to) {
                score_of(scores, j, h, e) = -INFINITY;
            }
        }
    }
}

// The largest of a query's scores with the tile and of `largest`.
template <int TILE, class Scores>
__device__ __forceinline__ float largest_score(Scores &scores, int h, float largest) {
#pragma unroll
    for (int j = 0; j < TILE / 8; j++) {
        largest = fmaxf(largest, fmaxf(score_of(scores, j, h, 0), score_of(scores, j, h, 1)));
    }
    largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, 1));
    return fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, 2));
}

// A query's scores become weights relative to the largest score. The total of this lane's.
template <int TILE, class Scores>
__device__ __forceinline__ float weigh_query(Scores &scores, int h, float largest, float scale) {
    float shift = -(reference(largest) * scale), total = 0;
#pragma unroll
    for (int j = 0; j < TILE / 8; j++) {
#pragma unroll
        for (int e = 0; e < 2; e++) {
            float &score = score_of(scores, j, h, e);
            score = exp2_approx(fmaf(score, scale, shift));
            total += score;
        }
    }
    return total;
}

// The totals of the four lanes that share a query become one.
__device__ __forceinline__ void add_totals(Softmax &softmax) {
    softmax.total += __shfl_xor_sync(ALL_LANES, softmax.total, 1);
    softmax.total += __shfl_xor_sync(ALL_LANES, softmax.total, 2);
}

#endif
