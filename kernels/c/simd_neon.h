// ARM Advanced SIMD (aarch64); see simd.h.
#include <arm_neon.h>

#define VL 4
typedef float32x4_t vf;
typedef int32_t vi __attribute__((vector_size(16)));

INLINE vf v_zero(void) { return vdupq_n_f32(0); }
INLINE vf v_set(float x) { return vdupq_n_f32(x); }

INLINE vf v_load(const void *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void v_store(void *p, vf v) { memcpy(p, &v, sizeof v); }

INLINE vf v_iota(void) { return (vf){0, 1, 2, 3}; }

INLINE vf v_load_part(const void *p, int64_t n) {
    float t[VL] = {0};
    memcpy(t, p, (size_t)n * 4);
    return v_load(t);
}

INLINE void v_store_part(void *p, vf v, int64_t n) {
    float t[VL];
    v_store(t, v);
    memcpy(p, t, (size_t)n * 4);
}

INLINE vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
// Not vminq and vmaxq, which return NaN where either operand is one.
INLINE vf v_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
INLINE vf v_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
INLINE vf v_abs(vf a) { return vabsq_f32(a); }
INLINE vf v_round(vf a) { return vrndnq_f32(a); }
INLINE float v_sum(vf a) { return vaddvq_f32(a); }
INLINE float v_largest(vf a) { return vmaxvq_f32(a); }

// a * 2^n for integral n between -200 and 200: in two steps, as 2^n may be out of range.
INLINE vf v_scale2(vf a, vf n) {
    int32x4_t whole = vcvtq_s32_f32(n);
    int32x4_t half = vshrq_n_s32(whole, 1);
    int32x4_t rest = vsubq_s32(whole, half);
    const int32x4_t bias = vdupq_n_s32(127);
    int32x4_t p = vshlq_n_s32(vaddq_s32(half, bias), 23);
    int32x4_t q = vshlq_n_s32(vaddq_s32(rest, bias), 23);
    return a * vreinterpretq_f32_s32(p) * vreinterpretq_f32_s32(q);
}

// What is above the floor of x, and a * 2^floor(x), both for x <= 0 or not a number.
INLINE vf v_floor(vf x) { return vrndmq_f32(v_max(v_set(-150.0f), x)); }
INLINE vf v_fraction(vf x) { return v_max(v_set(-150.0f), x) - v_floor(x); }
INLINE vf v_scale2_floor(vf a, vf x) { return v_scale2(a, v_floor(x)); }

INLINE vf v_load_bf16(const uint16_t *p) {
    uint16x4_t h;
    memcpy(&h, p, sizeof h);
    return vreinterpretq_f32_u32(vshll_n_u16(h, 16));
}

INLINE vf v_load_f16(const uint16_t *p) {
    float16x4_t h;
    memcpy(&h, p, sizeof h);
    return vcvt_f32_f16(h);
}

INLINE void v_store_f16(uint16_t *p, vf v) {
    float16x4_t h = vcvt_f16_f32(v);
    memcpy(p, &h, sizeof h);
}

INLINE void v_store_clipped(uint8_t *p, vi v) {
    uint16x4_t words = vqmovun_s32((int32x4_t)v);
    uint8x8_t bytes = vqmovn_u16(vcombine_u16(words, words));
    memcpy(p, &bytes, VL);
}

// Even and odd elements of VL pairs of 16-bit floats.
INLINE uint32x4_t v_pairs(const void *p) {
    uint32x4_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vf v_even_bf16(const void *p) { return vreinterpretq_f32_u32(vshlq_n_u32(v_pairs(p), 16)); }

INLINE vf v_odd_bf16(const void *p) {
    return vreinterpretq_f32_u32(vandq_u32(v_pairs(p), vdupq_n_u32(0xffff0000)));
}

INLINE vf v_even_f16(const void *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(v_pairs(p))));
}

INLINE vf v_odd_f16(const void *p) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vshrn_n_u32(v_pairs(p), 16)));
}

INLINE vi vi_max(vi a, vi b) { return (vi)vmaxq_s32((int32x4_t)a, (int32x4_t)b); }
INLINE vi vi_nearest(vf a) { return (vi)vcvtnq_s32_f32(a); }
INLINE int32_t vi_sum(vi a) { return vaddvq_s32((int32x4_t)a); }

// The largest of lanes that are not negative, as the float32 of these bits.
INLINE float vi_largest(vi a) {
    int32_t bits = vmaxvq_s32((int32x4_t)a);
    float largest;
    memcpy(&largest, &bits, sizeof largest);
    return largest;
}

// The lanes of four vectors, all from -128 to 127, as bytes.
INLINE vf vi_bytes(const vi v[4]) {
    int16x4_t h[4];
    UNROLL
    for (int i = 0; i < 4; i++) {
        h[i] = vmovn_s32((int32x4_t)v[i]);
    }
    int8x8_t low = vmovn_s16(vcombine_s16(h[0], h[1])), high = vmovn_s16(vcombine_s16(h[2], h[3]));
    return vreinterpretq_f32_s8(vcombine_s8(low, high));
}

// Transposes a VL x VL matrix held in VL vectors.
INLINE void v_transpose(vf r[VL]) {
    float32x4x2_t a = vtrnq_f32(r[0], r[1]), b = vtrnq_f32(r[2], r[3]);
    r[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    r[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    r[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    r[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}
