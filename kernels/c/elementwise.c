// Pointwise operations. A unit is one row.
#include "ocellus.h"
#include "simd.h"
#include "vmath.h"

UNITS(Add, Add) { return ROW_COUNT(a); }

KERNEL(Add, Add) {
    for (int64_t r = begin; r < end; r++) {
        const float *x = a->a + r * a->lda;
        const float *y = a->b + r % a->bRows * a->ldb;
        float *out = a->out + r * a->ldo;
        for (int64_t i = 0; i < a->cols; i += VL) {
            int64_t left = a->cols - i;
            v_store_run(out + i, v_load_run(x + i, left) + v_load_run(y + i, left), left);
        }
    }
}

UNITS(Scale, Scale) { return ROW_COUNT(a); }

KERNEL(Scale, Scale) {
    for (int64_t r = begin; r < end; r++) {
        const float *x = a->x + r * a->ldx;
        float *out = a->out + r * a->ldo;
        for (int64_t i = 0; i < a->cols; i += VL) {
            int64_t left = a->cols - i;
            vf v = v_load_run(x + i, left) * v_load_run(a->scale + i, left);
            if (a->residual) {
                v += v_load_run(a->residual + r * a->ldr + i, left);
            }
            v_store_run(out + i, v, left);
        }
    }
}

UNITS(Activate, Activate) { return ROW_COUNT(a); }

KERNEL(Activate, Activate) {
    for (int64_t r = begin; r < end; r++) {
        const float *x = a->x + r * a->ldx;
        float *out = a->out + r * a->ldo;
        for (int64_t i = 0; i < a->cols; i += VL) {
            int64_t left = a->cols - i;
            v_store_run(out + i, v_activate(v_load_run(x + i, left), a->activation), left);
        }
    }
}

UNITS(GatedActivate, GatedActivate) { return ROW_COUNT(a); }

KERNEL(GatedActivate, GatedActivate) {
    for (int64_t r = begin; r < end; r++) {
        const float *gate = a->gate + r * a->ldg;
        const float *up = a->up + r * a->ldu;
        float *out = a->out + r * a->ldo;
        for (int64_t i = 0; i < a->cols; i += VL) {
            int64_t left = a->cols - i;
            vf v = v_activate(v_load_run(gate + i, left), a->activation);
            v_store_run(out + i, v * v_load_run(up + i, left), left);
        }
    }
}
