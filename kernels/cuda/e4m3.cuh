// Values of E4M3, which has no infinities, as float16.
#ifndef OCELLUS_E4M3_CUH
#define OCELLUS_E4M3_CUH

#include "device.cuh"

// GPUs with an instruction for it make of a value the same value. Others put the bits in place, which
// gives 2^-8 of it, also below the normal range; NaN, which no weight is, becomes a number.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
constexpr float E4M3_UNIT = 1;

__device__ __forceinline__ uint32_t e4m3_low(uint32_t word) {
    return e4m3_to_f16(static_cast<uint16_t>(word));
}

__device__ __forceinline__ uint32_t e4m3_high(uint32_t word) {
    return e4m3_to_f16(static_cast<uint16_t>(word >> 16));
}
#else
constexpr float E4M3_UNIT = 256;

// Bytes 1 and 3.
__device__ __forceinline__ uint32_t e4m3_in_place(uint32_t bytes) {
    return (bytes & 0x7f007f00) >> 1 | (bytes & 0x80008000);
}

// Bytes 0 and 1 of a word in units of E4M3_UNIT, the first one in the lower half.
__device__ __forceinline__ uint32_t e4m3_low(uint32_t word) {
    return e4m3_in_place(__byte_perm(word, 0, 0x1404));
}

// Bytes 2 and 3.
__device__ __forceinline__ uint32_t e4m3_high(uint32_t word) {
    return e4m3_in_place(__byte_perm(word, 0, 0x3424));
}
#endif

#endif
