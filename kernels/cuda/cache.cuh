// Where a row's keys and values go in the pages of a cache, and what is written there.
#ifndef OCELLUS_CACHE_CUH
#define OCELLUS_CACHE_CUH

#include "attention.cuh"
#include "quad.cuh"

// Row `token` of a head in the keys or values of a page that the row's slot names.
__device__ __forceinline__ char *cache_row(
    const struct KvAppend &a, int64_t row, int64_t head, int64_t offset) {
    int64_t slot = a.slot[row], page = slot / a.pageTokens;
    int64_t token = head * a.pageTokens + (slot - page * a.pageTokens);
    char *base = a.pages[a.sequence[row] * a.maxPages + page];
    return base + offset + token * row_bytes(a.cacheType, a.headDim);
}

// Writes elements [i, i + 4) of a row of F32, F16 or BF16, of which `left` exist.
__device__ __forceinline__ void store_cache_quad(
    char *row, int64_t type, int64_t i, int64_t left, float4 v) {
    if (type == DTYPE_F32) {
        store_quad(reinterpret_cast<float *>(row) + i, left, v);
        return;
    }
    uint2 words = type == DTYPE_F16 ? make_uint2(pack_f16(v.x, v.y), pack_f16(v.z, v.w))
                                    : make_uint2(pack_bf16(v.x, v.y), pack_bf16(v.z, v.w));
    store_half_quad(reinterpret_cast<uint16_t *>(row) + i, left, words);
}

// The warp writes a block of Q8, lane by lane its elements.
__device__ __forceinline__ void store_cache_block(char *to, float x) {
    // Compared as integers, infinities and NaN are larger than numbers, so that they show.
    int largest = warp_max(__float_as_int(fabsf(x)));
    f16 scale = from_float<f16>(__int_as_float(largest) / 127);
    float inverse = to_float(scale) == 0 ? 0 : 1 / to_float(scale);
    float q = rintf(x * inverse);
    q = q < -127 ? -127 : q > 127 ? 127 : q != q ? 0 : q;
    if (lane_index() == 0) {
        *reinterpret_cast<f16 *>(to) = scale;
    }
    to[2 + lane_index()] = static_cast<char>(static_cast<int8_t>(q));
}

#endif
