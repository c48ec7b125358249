// Where the keys and values of attention inside segments lie: see KernelCall.Attention.
#ifndef OCELLUS_ATTENTION_SEGMENTS_CUH
#define OCELLUS_ATTENTION_SEGMENTS_CUH

#include "attention.cuh"

// Elements of a row of keys or values in the scratch memory.
__device__ __forceinline__ int64_t packed_width(int64_t headDim) {
    return ceil_div(headDim, CHUNK) * CHUNK;
}

// Keys, then values: [segment][kvHead][key][packed_width].
__device__ __forceinline__ bf16 *packed_rows(
    const struct Attention &a, int64_t side, int64_t segment, int64_t kvHead) {
    int64_t matrix = (side * a.rows + segment) * a.kvHeads + kvHead;
    return static_cast<bf16 *>(a.scratch) + matrix * a.keyLength * packed_width(a.headDim);
}

// The keys and values of a head in a segment, as they are or packed.
__device__ __forceinline__ PlainRows rows_of(
    const struct Attention &a, int64_t segment, int64_t kvHead, bool packed) {
    if (packed) {
        int64_t stride = packed_width(a.headDim) * 2;
        return {
            {reinterpret_cast<const char *>(packed_rows(a, KEY, segment, kvHead)),
             reinterpret_cast<const char *>(packed_rows(a, VALUE, segment, kvHead))},
            {stride, stride}};
    }
    int64_t key = segment * a.keyLength, column = kvHead * a.headDim;
    return {
        {reinterpret_cast<const char *>(a.k + key * a.ldk + column),
         reinterpret_cast<const char *>(a.v + key * a.ldv + column)},
        {a.ldk * 4, a.ldv * 4}};
}

#endif
