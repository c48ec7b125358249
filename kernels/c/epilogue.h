// What follows the sums of a matrix product.
#ifndef OCELLUS_EPILOGUE_H
#define OCELLUS_EPILOGUE_H

#include "vmath.h"

// out = residual + scale * act(sum + bias) for the columns [j, j + 16) of one row.
static void finish(const struct MatMul *a, int64_t row, int64_t j, const float *sum) {
    for (int64_t end = min_i64(j + PANEL, a->n); j < end; j += VL, sum += VL) {
        int64_t left = end - j;
        vf v = v_load(sum);
        if (a->bias) {
            v += v_load_run(a->bias + j, left);
        }
        v = v_activate(v, a->activation);
        if (a->scale) {
            v *= v_load_run(a->scale + j, left);
        }
        if (a->residual) {
            v += v_load_run(a->residual + row * a->ldr + j, left);
        }
        v_store_run(a->out + row * a->ldo + j, v, left);
    }
}

// out = residual + act(gate) * up for the columns [j, j + 16) of one row.
static void finish_gated(const struct MatMul *a, int64_t row, int64_t j, const float *sum) {
    for (int64_t end = min_i64(j + PANEL, a->n); j < end; j += VL, sum += VL) {
        int64_t left = end - j;
        vf v = v_activate(v_load(sum), a->activation) * v_load(sum + PANEL);
        if (a->residual) {
            v += v_load_run(a->residual + row * a->ldr + j, left);
        }
        v_store_run(a->out + row * a->ldo + j, v, left);
    }
}

// Fetches what finish_tile will touch; asked for before the sums are made, it is there after them.
static void prefetch_tile(
    const struct MatMul *a, int64_t row, int64_t rows, int64_t panel, int64_t panels) {
    int64_t first = (a->gated ? panel / 2 : panel) * PANEL;
    int64_t count = ceil_div(panels, a->gated ? 2 : 1);
    for (int64_t i = row; i < row + rows; i++) {
        for (int64_t j = first; j < min_i64(first + count * PANEL, a->n); j += PANEL) {
            __builtin_prefetch(a->out + i * a->ldo + j, 1);
            if (a->residual && a->residual != a->out) {
                __builtin_prefetch(a->residual + i * a->ldr + j);
            }
        }
    }
}

// The rows [row, row + rows) and panels [panel, panel + panels), whose sums are rows of `stride`
// floats.
static void finish_tile(
    const struct MatMul *a, int64_t row, int64_t rows, int64_t panel, int64_t panels,
    const float *sums, int64_t stride) {
    for (int64_t i = 0; i < rows; i++, sums += stride) {
        if (a->gated) {
            for (int64_t q = 0; q < panels; q += 2) {
                finish_gated(a, row + i, (panel + q) / 2 * PANEL, sums + q * PANEL);
            }
        } else {
            for (int64_t q = 0; q < panels; q++) {
                finish(a, row + i, (panel + q) * PANEL, sums + q * PANEL);
            }
        }
    }
}

#endif
