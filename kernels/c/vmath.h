// Functions of float32 vectors. Relative errors stay below 3e-7 where the result is normal.
#ifndef OCELLUS_VMATH_H
#define OCELLUS_VMATH_H

#include "ocellus.h"
#include "simd.h"

// e^x. The argument is reduced to |r| <= ln(2)/2 with ln 2 in two parts, the first of which times
// any n that occurs is exact; the polynomial is a Chebyshev fit of (e^r - 1)/r, so that e^0 is 1.
INLINE vf v_exp(vf x) {
    x = v_min(v_set(89.0f), v_max(v_set(-104.0f), x));
    vf n = v_round(x * v_set(1.44269504f));
    vf r = v_fma(n, v_set(-0.693359375f), x);
    r = v_fma(n, v_set(2.12194440e-4f), r);
    vf p = v_set(0.0013933751f);
    p = v_fma(p, r, v_set(0.008369237f));
    p = v_fma(p, r, v_set(0.041666463f));
    p = v_fma(p, r, v_set(0.16666505f));
    p = v_fma(p, r, v_set(0.5f));
    p = v_fma(p, r, v_set(1.0f));
    return v_scale2(v_fma(p, r, v_set(1.0f)), n);
}

// 2^x for x <= 0 or not a number: 2^floor(x) times a polynomial of the rest r, a minimax
// fit of (2^r - 1)/r, so that 2^0 is 1.
INLINE vf v_exp2_negative(vf x) {
    vf r = v_fraction(x);
    vf p = v_set(0.0018671305f);
    p = v_fma(p, r, v_set(0.009017029f));
    p = v_fma(p, r, v_set(0.055799913f));
    p = v_fma(p, r, v_set(0.24016444f));
    p = v_fma(p, r, v_set(0.6931513f));
    return v_scale2_floor(v_fma(p, r, v_set(1.0f)), x);
}

INLINE vf v_sigmoid(vf x) { return v_set(1.0f) / (v_set(1.0f) + v_exp(v_zero() - x)); }

// 1 - erf(z) for z >= 0, as e^(-z^2) times a polynomial in 1 / (1 + 0.4 z): a least squares fit of
// the relative error up to z = 10. The form is that of Hastings (Approximations for Digital
// Computers, 1955).
INLINE vf v_erfc(vf z) {
    vf t = v_set(1.0f) / v_fma(v_set(0.4f), z, v_set(1.0f));
    vf p = v_set(0.04161383584f);
    p = v_fma(p, t, v_set(-0.14208631217f));
    p = v_fma(p, t, v_set(0.08766639978f));
    p = v_fma(p, t, v_set(0.08372256905f));
    p = v_fma(p, t, v_set(0.08271013200f));
    p = v_fma(p, t, v_set(0.19212493300f));
    p = v_fma(p, t, v_set(0.20221462846f));
    p = v_fma(p, t, v_set(0.22639693320f));
    p = v_fma(p, t, v_set(0.22563695908f));
    return p * t * v_exp(v_zero() - z * z);
}

// x/2 (1 + erf(x / sqrt 2)), by the tail that does not cancel; past 40 it is zero, also at infinity.
INLINE vf v_gelu(vf x) {
    vf tail = v_set(0.5f) * v_min(v_set(40.0f), x) * v_erfc(v_abs(x) * v_set(0.70710678f));
    return v_select(x < v_zero(), tail, x - tail);
}

// x/2 (1 + tanh u) = x sigmoid(2 u)
INLINE vf v_gelu_tanh(vf x) {
    vf u = v_set(0.7978845608f) * v_fma(v_set(0.044715f) * x * x, x, x);
    return x * v_sigmoid(v_set(2.0f) * u);
}

INLINE vf v_activate(vf x, int64_t activation) {
    switch (activation) {
        case ACTIVATION_GELU: return v_gelu(x);
        case ACTIVATION_QUICK_GELU: return x * v_sigmoid(v_set(1.702f) * x);
        case ACTIVATION_SILU: return x * v_sigmoid(x);
        case ACTIVATION_GELU_TANH: return v_gelu_tanh(x);
        case ACTIVATION_RELU: return v_max(v_zero(), x);
        default: return x;
    }
}

#endif
