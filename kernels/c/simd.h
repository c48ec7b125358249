// The native float32 vector of the instruction set this file is compiled for.
//
//   vf            VL float32 lanes; + - * / and comparisons work lane by lane
//   vi            VL int32 lanes, the result of comparisons (all ones or zero)
//   v_store_clipped(p, v)  stores the integers, all below 2^15, as bytes, clipped to 0 to 255
//   vi_nearest    float32 to int32, ties to even
//   *_part(p, n)  touch only the first n elements, 0 <= n <= VL; the other lanes read as zero
//
// v_min and v_max return the second operand where either is not a number.
#ifndef OCELLUS_SIMD_H
#define OCELLUS_SIMD_H

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#if defined(__AVX512F__)
#include "simd_avx512.h"
#elif defined(__AVX2__)
#include "simd_avx2.h"
#elif defined(__ARM_NEON)
#include "simd_neon.h"
#else
#error "no vector instructions that these kernels know"
#endif

typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef uint16_t vh __attribute__((vector_size(VL * 2)));

INLINE vf v_select(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }

// Lanes n and above replaced by `other`.
INLINE vf v_first(vf v, int64_t n, vf other) {
    return v_select(v_iota() < v_set((float)n), v, other);
}

INLINE vf v_load_bf16_part(const uint16_t *p, int64_t n) {
    uint16_t t[VL] = {0};
    memcpy(t, p, (size_t)n * 2);
    return v_load_bf16(t);
}

INLINE vf v_load_f16_part(const uint16_t *p, int64_t n) {
    uint16_t t[VL] = {0};
    memcpy(t, p, (size_t)n * 2);
    return v_load_f16(t);
}

// The bits of the nearest bfloat16 (ties to even) in the low half of each lane.
INLINE vu v_bf16_bits(vf v) {
#if defined(__AVX512BF16__)
    return (vu)_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(v));
#endif
    vu u = (vu)v;
    vu rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    vu quiet = (u >> 16) | 0x40;
    vu nan = (vu)(v != v);
    return (nan & quiet) | (~nan & rounded);
}

INLINE vf v_round_bf16(vf v) { return (vf)(v_bf16_bits(v) << 16); }

INLINE void v_store_bf16(uint16_t *p, vf v) {
    vh h = __builtin_convertvector(v_bf16_bits(v), vh);
    memcpy(p, &h, sizeof h);
}

// Each word is a pair of bfloat16, the first one in its low half: here neighbours in the row of
// elements that is `low` and then `high`...
INLINE vf v_pair_bf16(vf low, vf high) {
#if defined(__AVX512BF16__)
    return (vf)_mm512_cvtne2ps_pbh(high, low);
#else
    uint16_t t[2 * VL];
    v_store_bf16(t, low);
    v_store_bf16(t + VL, high);
    return v_load(t);
#endif
}

// ... and here the same lane of two vectors.
INLINE vf v_zip_bf16(vf first, vf second) {
    return (vf)(v_bf16_bits(first) | (v_bf16_bits(second) << 16));
}

INLINE void v_store_bf16_part(uint16_t *p, vf v, int64_t n) {
    uint16_t t[VL];
    v_store_bf16(t, v);
    memcpy(p, t, (size_t)n * 2);
}

INLINE void v_store_f16_part(uint16_t *p, vf v, int64_t n) {
    uint16_t t[VL];
    v_store_f16(t, v);
    memcpy(p, t, (size_t)n * 2);
}

// Loads and stores of up to VL elements of a longer run, of which `left` remain.
INLINE vf v_load_run(const float *p, int64_t left) {
    return left >= VL ? v_load(p) : v_load_part(p, left);
}

INLINE void v_store_run(float *p, vf v, int64_t left) {
    if (left >= VL) {
        v_store(p, v);
    } else {
        v_store_part(p, v, left);
    }
}

#endif
