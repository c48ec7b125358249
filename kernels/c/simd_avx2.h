// AVX2 with FMA and F16C; see simd.h.
#include <immintrin.h>

#define VL 8
typedef __m256 vf;
typedef int32_t vi __attribute__((vector_size(32)));

INLINE vf v_zero(void) { return _mm256_setzero_ps(); }
INLINE vf v_set(float x) { return _mm256_set1_ps(x); }
INLINE vf v_load(const void *p) { return _mm256_loadu_ps(p); }
INLINE void v_store(void *p, vf v) { _mm256_storeu_ps(p, v); }

INLINE vf v_iota(void) { return _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7); }

INLINE __m256i v_mask(int64_t n) {
    return _mm256_cmpgt_epi32(
        _mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE vf v_load_part(const void *p, int64_t n) { return _mm256_maskload_ps(p, v_mask(n)); }
INLINE void v_store_part(void *p, vf v, int64_t n) { _mm256_maskstore_ps(p, v_mask(n), v); }

INLINE vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
INLINE vf v_round(vf a) { return _mm256_round_ps(a, 8); }

INLINE float v_sum(vf a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

INLINE float v_largest(vf a) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

// a * 2^n for integral n between -200 and 200: in two steps, as 2^n may be out of range.
INLINE vf v_scale2(vf a, vf n) {
    __m256i whole = _mm256_cvtps_epi32(n);
    __m256i half = _mm256_srai_epi32(whole, 1);
    __m256i rest = _mm256_sub_epi32(whole, half);
    const __m256i bias = _mm256_set1_epi32(127);
    __m256i p = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    __m256i q = _mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23);
    return a * _mm256_castsi256_ps(p) * _mm256_castsi256_ps(q);
}

// What is above the floor of x, and a * 2^floor(x), both for x <= 0 or not a number.
INLINE vf v_floor(vf x) { return _mm256_floor_ps(v_max(v_set(-150.0f), x)); }
INLINE vf v_fraction(vf x) { return v_max(v_set(-150.0f), x) - v_floor(x); }
INLINE vf v_scale2_floor(vf a, vf x) { return v_scale2(a, v_floor(x)); }

INLINE vf v_load_bf16(const uint16_t *p) {
    __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(words, 16));
}

INLINE vf v_load_f16(const uint16_t *p) {
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

INLINE void v_store_f16(uint16_t *p, vf v) {
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}

INLINE void v_store_clipped(uint8_t *p, vi v) {
    __m256i all = (__m256i)v;
    __m128i words = _mm_packus_epi32(
        _mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    _mm_storel_epi64((__m128i *)p, _mm_packus_epi16(words, words));
}

// Even and odd elements of VL pairs of 16-bit floats.
INLINE vf v_even_bf16(const void *p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_loadu_si256(p), 16));
}

// Halves are taken by shifts, as a mask would be held in one of the 16 registers.
INLINE vf v_odd_bf16(const void *p) {
    __m256i odd = _mm256_srli_epi32(_mm256_loadu_si256(p), 16);
    return _mm256_castsi256_ps(_mm256_slli_epi32(odd, 16));
}

INLINE vf v_low_f16(__m256i v) {
    __m128i h = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return _mm256_cvtph_ps(h);
}

INLINE vf v_even_f16(const void *p) {
    __m256i even = _mm256_slli_epi32(_mm256_loadu_si256(p), 16);
    return v_low_f16(_mm256_srli_epi32(even, 16));
}

INLINE vf v_odd_f16(const void *p) {
    return v_low_f16(_mm256_srli_epi32(_mm256_loadu_si256(p), 16));
}

INLINE vi vi_max(vi a, vi b) { return (vi)_mm256_max_epi32((__m256i)a, (__m256i)b); }
INLINE vi vi_nearest(vf a) { return (vi)_mm256_cvtps_epi32(a); }

INLINE int32_t vi_sum(vi a) {
    __m256i v = (__m256i)a;
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

// The largest of lanes that are not negative, as the float32 of these bits.
INLINE float vi_largest(vi a) {
    __m256i v = (__m256i)a;
    __m128i s = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_max_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_max_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(s));
}

// The lanes of four vectors, all from -128 to 127, as bytes.
INLINE vf vi_bytes(const vi v[4]) {
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i low = _mm256_packs_epi32((__m256i)v[0], (__m256i)v[1]);
    __m256i high = _mm256_packs_epi32((__m256i)v[2], (__m256i)v[3]);
    return (vf)_mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
}

// Transposes a VL x VL matrix held in VL vectors.
INLINE void v_transpose(vf r[VL]) {
    vf t[8];
    UNROLL
    for (int i = 0; i < 8; i += 4) {
        vf a = _mm256_unpacklo_ps(r[i], r[i + 1]), b = _mm256_unpackhi_ps(r[i], r[i + 1]);
        vf c = _mm256_unpacklo_ps(r[i + 2], r[i + 3]), d = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm256_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm256_shuffle_ps(b, d, 0xee);
    }
    UNROLL
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}
