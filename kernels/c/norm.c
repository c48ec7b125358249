// Normalisations. A unit is one row. Sums run in float32 lanes, in an order fixed by the row's
// length; the last operations on a sum are in double precision.
#include "ocellus.h"
#include "simd.h"

static float sum_of(const float *x, int64_t n) {
    vf s = v_zero();
    for (int64_t i = 0; i < n; i += VL) {
        s += v_load_run(x + i, n - i);
    }
    return v_sum(s);
}

// Sum of (x - center)^2.
static float squares_of(const float *x, int64_t n, float center) {
    vf s = v_zero(), c = v_set(center);
    int64_t i = 0;
    for (; i + VL <= n; i += VL) {
        vf d = v_load(x + i) - c;
        s = v_fma(d, d, s);
    }
    if (i < n) {
        vf d = v_first(v_load_part(x + i, n - i) - c, n - i, v_zero());
        s = v_fma(d, d, s);
    }
    return v_sum(s);
}

static float inverse_root(double mean, double eps) {
    return (float)(1.0 / __builtin_sqrt(mean + eps));
}

UNITS(RmsNorm, RmsNorm) { return ROW_COUNT(a); }

KERNEL(RmsNorm, RmsNorm) {
    int64_t n = a->cols;
    for (int64_t r = begin; r < end; r++) {
        for (int64_t g = 0; g < a->groups; g++) {
            const float *x = a->x + r * a->ldx + g * n;
            float *out = a->out + r * a->ldo + g * n;
            vf scale = v_set(inverse_root((double)squares_of(x, n, 0) / (double)n, a->eps));
            for (int64_t i = 0; i < n; i += VL) {
                vf v = v_load_run(x + i, n - i) * scale * v_load_run(a->weight + i, n - i);
                v_store_run(out + i, v, n - i);
            }
        }
    }
}

UNITS(LayerNorm, LayerNorm) { return ROW_COUNT(a); }

KERNEL(LayerNorm, LayerNorm) {
    int64_t n = a->cols;
    for (int64_t r = begin; r < end; r++) {
        const float *x = a->x + r * a->ldx;
        float *out = a->out + r * a->ldo;
        float mean = (float)((double)sum_of(x, n) / (double)n);
        vf scale = v_set(inverse_root((double)squares_of(x, n, mean) / (double)n, a->eps));
        for (int64_t i = 0; i < n; i += VL) {
            vf v = (v_load_run(x + i, n - i) - v_set(mean)) * scale;
            v *= v_load_run(a->weight + i, n - i);
            if (a->bias) {
                v += v_load_run(a->bias + i, n - i);
            }
            v_store_run(out + i, v, n - i);
        }
    }
}
