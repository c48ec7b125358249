// Rotary embedding. A unit is one row.
#include "ocellus.h"
#include "simd.h"

// Sine and cosine of a float32 angle, in double precision. The angle is reduced by a multiple of
// pi/2, which is held in two parts; fused operations keep the remainder exact to its last bits even
// where it is small. Taylor series to the 15th power leave errors below 1e-13.
static void sin_cos(float angle, double *sine, double *cosine) {
    double q = __builtin_rint(angle * 0.63661977236758134);
    double r = __builtin_fma(q, -1.5707963267948966, angle);
    r = __builtin_fma(q, -6.123233995736766e-17, r);
    double z = r * r;
    double s = r * (1 + z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880
        + z * (-1.0 / 39916800 + z * (1.0 / 6227020800 + z * (-1.0 / 1307674368000))))))));
    double c = 1 + z * (-1.0 / 2 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320
        + z * (-1.0 / 3628800 + z * (1.0 / 479001600 + z * (-1.0 / 87178291200)))))));
    int64_t quadrant = (int64_t)q & 3;
    double odd = quadrant & 1 ? c : s, even = quadrant & 1 ? s : c;
    *sine = quadrant & 2 ? -odd : odd;
    *cosine = (quadrant + 1) & 2 ? -even : even;
}

UNITS(RopeTable, RopeTable) { return ROW_COUNT(a); }

KERNEL(RopeTable, RopeTable) {
    for (int64_t r = begin; r < end; r++) {
        const float *frequency = a->invFreq + a->sequence[r] * a->half;
        double scale = a->scale[a->sequence[r]];
        float *out = a->out + r * 2 * a->half;
        for (int64_t j = 0; j < a->half; j++) {
            double s, c;
            sin_cos((float)a->position[r] * frequency[j], &s, &c);
            out[j] = (float)(c * scale);
            out[a->half + j] = (float)(s * scale);
        }
    }
}

UNITS(Rope, Rope) { return ROW_COUNT(a); }

KERNEL(Rope, Rope) {
    int64_t half = a->half;
    for (int64_t r = begin; r < end; r++) {
        const float *cosine = a->table + r * 2 * half;
        const float *sine = cosine + half;
        for (int64_t h = 0; h < a->heads; h++) {
            const float *x = a->x + r * a->ldx + h * a->headDim;
            float *out = a->out + r * a->ldo + h * a->headDim;
            for (int64_t j = 0; j < half; j += VL) {
                int64_t left = half - j;
                vf c = v_load_run(cosine + j, left), s = v_load_run(sine + j, left);
                vf low = v_load_run(x + j, left), high = v_load_run(x + half + j, left);
                v_store_run(out + j, low * c - high * s, left);
                v_store_run(out + half + j, high * c + low * s, left);
            }
            if (out != x) {
                memcpy(out + 2 * half, x + 2 * half, (size_t)(a->headDim - 2 * half) * 4);
            }
        }
    }
}
