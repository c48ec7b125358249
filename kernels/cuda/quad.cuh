// Four neighbouring elements of a row at a time: one access of 16 bytes (8 for half types) where
// their address allows it, single ones where it does not or where the row ends. The arithmetic on
// them is the same either way, so that the bits of a result never depend on where an operand lies.
#ifndef OCELLUS_QUAD_CUH
#define OCELLUS_QUAD_CUH

#include "device.cuh"

__device__ __forceinline__ bool aligned_to(const void *p, uintptr_t bytes) {
    return (reinterpret_cast<uintptr_t>(p) & (bytes - 1)) == 0;
}

// The elements p[0] to p[3], of which `left` may be read; the rest are zero.
__device__ __forceinline__ float4 load_quad(const float *p, int64_t left) {
    if (left >= 4 && aligned_to(p, 16)) {
        return *reinterpret_cast<const float4 *>(p);
    }
    return make_float4(
        p[0], left > 1 ? p[1] : 0.0f, left > 2 ? p[2] : 0.0f, left > 3 ? p[3] : 0.0f);
}

__device__ __forceinline__ void store_quad(float *p, int64_t left, float4 v) {
    if (left >= 4 && aligned_to(p, 16)) {
        *reinterpret_cast<float4 *>(p) = v;
        return;
    }
    p[0] = v.x;
    if (left > 1) p[1] = v.y;
    if (left > 2) p[2] = v.z;
    if (left > 3) p[3] = v.w;
}

// The elements p[0] to p[3] of 16 bits, of which `left` may be read.
__device__ __forceinline__ uint2 load_half_quad(const uint16_t *p, int64_t left) {
    if (left >= 4 && aligned_to(p, 8)) {
        return *reinterpret_cast<const uint2 *>(p);
    }
    uint32_t second = left > 1 ? p[1] : 0;
    uint32_t third = left > 2 ? p[2] : 0, fourth = left > 3 ? p[3] : 0;
    return make_uint2(p[0] | second << 16, third | fourth << 16);
}

__device__ __forceinline__ void store_half_quad(uint16_t *p, int64_t left, uint2 words) {
    if (left >= 4 && aligned_to(p, 8)) {
        *reinterpret_cast<uint2 *>(p) = words;
        return;
    }
    p[0] = static_cast<uint16_t>(words.x);
    if (left > 1) p[1] = static_cast<uint16_t>(words.x >> 16);
    if (left > 2) p[2] = static_cast<uint16_t>(words.y);
    if (left > 3) p[3] = static_cast<uint16_t>(words.y >> 16);
}

// Rounded.
__device__ __forceinline__ void store_quad(bf16 *p, int64_t left, float4 v) {
    store_half_quad(
        reinterpret_cast<uint16_t *>(p), left,
        make_uint2(pack_bf16(v.x, v.y), pack_bf16(v.z, v.w)));
}

template <class T> __device__ __forceinline__ float4 widen_quad(uint2 words) {
    const T *e = reinterpret_cast<const T *>(&words);
    return make_float4(to_float(e[0]), to_float(e[1]), to_float(e[2]), to_float(e[3]));
}

// The elements [at, at + 4) of plain elements of a dtype, of which `left` may be read.
__device__ __forceinline__ float4 load_quad_of(
    const char *base, int64_t type, int64_t at, int64_t left) {
    if (type == DTYPE_F32) {
        return load_quad(reinterpret_cast<const float *>(base) + at, left);
    }
    uint2 w = load_half_quad(reinterpret_cast<const uint16_t *>(base) + at, left);
    return type == DTYPE_F16 ? widen_quad<f16>(w) : widen_quad<bf16>(w);
}

// Where this thread of a grid of one thread for each quad works.
struct quad {
    int64_t row;
    int64_t col;   // the first of four
    int64_t left;  // columns from there to the end of the row
};

__device__ __forceinline__ int64_t grid_index() {
    return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__device__ __forceinline__ quad quad_of(int64_t cols) {
    int64_t quads = (cols + 3) / 4, i = grid_index();
    int64_t row = i / quads, col = (i - row * quads) * 4;
    return {row, col, cols - col};
}

#endif
