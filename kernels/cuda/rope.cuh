// Rotation of pairs, with the processor's bits: no operation is fused, whatever the compiler prefers.
#ifndef OCELLUS_ROPE_CUH
#define OCELLUS_ROPE_CUH

#include "quad.cuh"

// x cos - y sin.
__device__ __forceinline__ float rotate_low(float x, float y, float c, float s) {
    return __fsub_rn(__fmul_rn(x, c), __fmul_rn(y, s));
}

// y cos + x sin.
__device__ __forceinline__ float rotate_high(float x, float y, float c, float s) {
    return __fadd_rn(__fmul_rn(y, c), __fmul_rn(x, s));
}

__device__ __forceinline__ float4 rotate_low(float4 x, float4 y, float4 c, float4 s) {
    return make_float4(
        rotate_low(x.x, y.x, c.x, s.x), rotate_low(x.y, y.y, c.y, s.y),
        rotate_low(x.z, y.z, c.z, s.z), rotate_low(x.w, y.w, c.w, s.w));
}

__device__ __forceinline__ float4 rotate_high(float4 x, float4 y, float4 c, float4 s) {
    return make_float4(
        rotate_high(x.x, y.x, c.x, s.x), rotate_high(x.y, y.y, c.y, s.y),
        rotate_high(x.z, y.z, c.z, s.z), rotate_high(x.w, y.w, c.w, s.w));
}

#endif
