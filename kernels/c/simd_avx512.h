// AVX-512 F, BW, VL and DQ; see simd.h.
#include <immintrin.h>

#define VL 16
typedef __m512 vf;
typedef int32_t vi __attribute__((vector_size(64)));

INLINE vf v_zero(void) { return _mm512_setzero_ps(); }
INLINE vf v_set(float x) { return _mm512_set1_ps(x); }
INLINE vf v_load(const void *p) { return _mm512_loadu_ps(p); }
INLINE void v_store(void *p, vf v) { _mm512_storeu_ps(p, v); }

INLINE __mmask16 v_mask(int64_t n) { return (__mmask16)((1u << n) - 1); }
INLINE vf v_load_part(const void *p, int64_t n) { return _mm512_maskz_loadu_ps(v_mask(n), p); }
INLINE void v_store_part(void *p, vf v, int64_t n) { _mm512_mask_storeu_ps(p, v_mask(n), v); }

INLINE vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf v_abs(vf a) { return _mm512_abs_ps(a); }
INLINE vf v_round(vf a) { return _mm512_roundscale_ps(a, 8); }
INLINE float v_sum(vf a) { return _mm512_reduce_add_ps(a); }
INLINE float v_largest(vf a) { return _mm512_reduce_max_ps(a); }

INLINE vf v_iota(void) {
    return _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

// a * 2^n for integral n between -200 and 200.
INLINE vf v_scale2(vf a, vf n) { return _mm512_scalef_ps(a, n); }

// What is above the floor of x, and a * 2^floor(x), both for x <= 0 or not a number.
INLINE vf v_fraction(vf x) { return _mm512_reduce_ps(x, 9); }
INLINE vf v_scale2_floor(vf a, vf x) { return _mm512_scalef_ps(a, x); }

INLINE vf v_load_bf16(const uint16_t *p) {
    __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
}

INLINE vf v_load_f16(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

INLINE void v_store_f16(uint16_t *p, vf v) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

INLINE void v_store_clipped(uint8_t *p, vi v) {
    __m512i positive = _mm512_max_epi32((__m512i)v, _mm512_setzero_si512());
    _mm_storeu_si128((__m128i *)p, _mm512_cvtusepi32_epi8(positive));
}

// Even and odd elements of VL pairs of 16-bit floats.
INLINE vf v_even_bf16(const void *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16));
}

INLINE vf v_odd_bf16(const void *p) {
    const __m512i high = _mm512_set1_epi32((int)0xffff0000);
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(p), high));
}

// The 16-bit elements 2 i + first of p, in the lower half.
INLINE __m512i v_every_second(const void *p, short first) {
    const __m512i step = _mm512_set_epi16(
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    __m512i index = _mm512_add_epi16(step, _mm512_set1_epi16(first));
    return _mm512_permutexvar_epi16(index, _mm512_loadu_si512(p));
}

INLINE vf v_even_f16(const void *p) {
    return _mm512_cvtph_ps(_mm512_castsi512_si256(v_every_second(p, 0)));
}

INLINE vf v_odd_f16(const void *p) {
    return _mm512_cvtph_ps(_mm512_castsi512_si256(v_every_second(p, 1)));
}

INLINE vi vi_max(vi a, vi b) { return (vi)_mm512_max_epi32((__m512i)a, (__m512i)b); }
INLINE vi vi_nearest(vf a) { return (vi)_mm512_cvtps_epi32(a); }
INLINE int32_t vi_sum(vi a) { return _mm512_reduce_add_epi32((__m512i)a); }

// The largest of lanes that are not negative, as the float32 of these bits.
INLINE float vi_largest(vi a) {
    int32_t bits = _mm512_reduce_max_epi32((__m512i)a);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return largest;
}

// The lanes of four vectors, all from -128 to 127, as bytes.
INLINE vf vi_bytes(const vi v[4]) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i low = _mm512_packs_epi32((__m512i)v[0], (__m512i)v[1]);
    __m512i high = _mm512_packs_epi32((__m512i)v[2], (__m512i)v[3]);
    return (vf)_mm512_permutexvar_epi32(order, _mm512_packs_epi16(low, high));
}

// Transposes a VL x VL matrix held in VL vectors.
INLINE void v_transpose(vf r[VL]) {
    vf t[16];
    UNROLL
    for (int i = 0; i < 16; i += 4) {
        vf a = _mm512_unpacklo_ps(r[i], r[i + 1]), b = _mm512_unpackhi_ps(r[i], r[i + 1]);
        vf c = _mm512_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm512_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        vf a = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
        vf b = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        vf c = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
        vf d = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        r[i] = _mm512_shuffle_f32x4(a, c, 0x88);
        r[i + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        r[i + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}
