// Dot products of four neighbouring int8 in each int32 lane, exact on every instruction set.
//
//   dot_weights     a line (or its part of VL lanes) of weights, ready to be multiplied
//   dot_offset      what the weights of a type carry in excess of their value; a block's sum starts
//                   with minus that times the sum of the activations
//   dot_start       of a block's sum
//   dot_add         adds products with four activations, the same in each lane
//   dot_end         the block's sum; int32, as a float
#ifndef OCELLUS_DOT_H
#define OCELLUS_DOT_H

#include "block.h"

INLINE int32_t dot_word(const char *p) {
    int32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

INLINE vf dot_float(vi v) { return __builtin_convertvector(v, vf); }

#if defined(__AVX512VNNI__)

INLINE int32_t dot_offset(int64_t type) { return type == DTYPE_Q8 ? 128 : 8; }

typedef __m512i dot_weights;

INLINE dot_weights dot_load(const int type, const int word, const char *block) {
    if (type == DTYPE_Q8) {
        return _mm512_loadu_si512(block + word * PANEL_LINE);
    }
    __m512i line = _mm512_loadu_si512(block + word % 4 * PANEL_LINE);
    __m512i half = word < 4 ? line : _mm512_srli_epi16(line, 4);
    return _mm512_and_si512(half, _mm512_set1_epi8(15));
}

INLINE vi dot_start(const int type, const char *start) {
    (void)type;
    return (vi)_mm512_set1_epi32(dot_word(start));
}

// In assembly, as compilers load the activations apart, which takes a quarter of the speed.
INLINE vi dot_add(const int type, vi sum, dot_weights w, const char *x) {
    (void)type;
    __asm__("vpdpbusd %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(w), "m"(*(const int32_t *)x));
    return sum;
}

INLINE vf dot_end(const int type, vi sum, const char *start) {
    (void)type, (void)start;
    return dot_float(sum);
}

#elif defined(__AVX2__)

// Products of unsigned and signed bytes are added in pairs to int16, which saturates: Q8 weights
// give their sign to the activations, Q4 weights are small enough for a whole block.
INLINE int32_t dot_offset(int64_t type) { return type == DTYPE_Q8 ? 0 : 8; }

#if VL == 16
typedef __m512i vw;
#define W(name) _mm512_##name
#define W_LOAD(p) _mm512_loadu_si512(p)
#define W_XOR(a, b) _mm512_xor_si512(a, b)
#define W_AND(a, b) _mm512_and_si512(a, b)
#define W_SIGN(a, b) _mm512_mask_sub_epi8(a, _mm512_movepi8_mask(b), _mm512_setzero_si512(), a)
#else
typedef __m256i vw;
#define W(name) _mm256_##name
#define W_LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define W_XOR(a, b) _mm256_xor_si256(a, b)
#define W_AND(a, b) _mm256_and_si256(a, b)
#define W_SIGN(a, b) _mm256_sign_epi8(a, b)
#endif

typedef struct {
    vw signs, magnitudes;
} dot_weights;

INLINE dot_weights dot_load(const int type, const int word, const char *block) {
    dot_weights w = {0};
    if (type == DTYPE_Q8) {
        w.signs = W_XOR(W_LOAD(block + word * PANEL_LINE), W(set1_epi8)((char)0x80));
        w.magnitudes = W(abs_epi8)(w.signs);
        return w;
    }
    vw line = W_LOAD(block + word % 4 * PANEL_LINE);
    vw half = word < 4 ? line : W(srli_epi16)(line, 4);
    w.magnitudes = W_AND(half, W(set1_epi8)(15));
    return w;
}

INLINE vi dot_start(const int type, const char *start) {
    (void)type, (void)start;
    return (vi){0};
}

INLINE vi dot_add(const int type, vi sum, dot_weights w, const char *x) {
    vw four = W(set1_epi32)(dot_word(x));
    if (type == DTYPE_Q8) {
        vw pairs = W(maddubs_epi16)(w.magnitudes, W_SIGN(four, w.signs));
        return sum + (vi)W(madd_epi16)(pairs, W(set1_epi16)(1));
    }
    return (vi)W(add_epi16)((vw)sum, W(maddubs_epi16)(w.magnitudes, four));
}

INLINE vf dot_end(const int type, vi sum, const char *start) {
    if (type == DTYPE_Q8) {
        return dot_float(sum);
    }
    return dot_float((vi)W(madd_epi16)((vw)sum, W(set1_epi16)(1)) + dot_word(start));
}

#else

INLINE int32_t dot_offset(int64_t type) {
    (void)type;
    return 0;
}

typedef int8x16_t dot_weights;

INLINE dot_weights dot_load(const int type, const int word, const char *block) {
    if (type == DTYPE_Q8) {
        uint8x16_t line = vld1q_u8((const uint8_t *)block + word * PANEL_LINE);
        return vreinterpretq_s8_u8(veorq_u8(line, vdupq_n_u8(0x80)));
    }
    uint8x16_t line = vld1q_u8((const uint8_t *)block + word % 4 * PANEL_LINE);
    uint8x16_t half = word < 4 ? vandq_u8(line, vdupq_n_u8(15)) : vshrq_n_u8(line, 4);
    return vsubq_s8(vreinterpretq_s8_u8(half), vdupq_n_s8(8));
}

INLINE vi dot_start(const int type, const char *start) {
    (void)type, (void)start;
    return (vi){0};
}

INLINE vi dot_add(const int type, vi sum, dot_weights w, const char *x) {
    (void)type;
    int8x16_t four = vreinterpretq_s8_s32(vdupq_n_s32(dot_word(x)));
#if defined(__ARM_FEATURE_DOTPROD)
    return (vi)vdotq_s32((int32x4_t)sum, w, four);
#else
    int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(four));
    int16x8_t high = vmull_high_s8(w, four);
    return sum + (vi)vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high));
#endif
}

INLINE vf dot_end(const int type, vi sum, const char *start) {
    (void)type, (void)start;
    return dot_float(sum);
}

#endif

#endif
