// The inner loop of linear layers: a tile of rows of A times neighbouring panels of B.
//
// Each output element is one chain of fused operations over ascending k, whatever the height of the
// tile, the number of panels taken together or the place where the chain was interrupted. So the
// bits of a row depend on nothing else, and latency is hidden by many outputs at once, never by
// several partial sums of one output.
#ifndef OCELLUS_TILE_H
#define OCELLUS_TILE_H

#include "step.h"

// C (rows of ldc floats) receives the sums over `steps`, which continue those in C if `continued`.
// `stride` is the bytes between panels; A is [steps][rows], with two rows a step for the kinds that
// widen pairs.
typedef void tile_function(
    const float *a, const char *b, int64_t stride, int64_t steps, float *c, int64_t ldc,
    int continued);

// By kind, binary logarithm of the panels, rows - 1.
#define tile_functions NS(tile_functions)
extern tile_function *const tile_functions[TILE_KINDS][3][TILE_ROWS];

// A tile of `rows` rows, 1 to TILE_ROWS, and any number of panels, at most `together` at once.
static inline void tile_run(
    enum tile_kind kind, int64_t rows, int64_t panels, int64_t together, const float *a,
    const char *b, int64_t stride, int64_t steps, float *c, int64_t ldc, int continued) {
    for (int64_t p = 0; p < panels;) {
        int log = 2;
        while (((int64_t)1 << log) > min_i64(panels - p, together)
               || (rows << log) * (PANEL / VL) > TILE_VECTORS) {
            log--;
        }
        tile_functions[kind][log][rows - 1](
            a, b + p * stride, stride, steps, c + p * PANEL, ldc, continued);
        p += (int64_t)1 << log;
    }
}

// Part of packing A: elements [d, d + VL) of the rows of a tile, one row in each vector, become
// lines of it. A vector may reach into the places of later lines, which are written after it.
INLINE void tile_store(float *tile, int64_t rows, int64_t depth, int64_t d, vf m[VL]) {
    v_transpose(m);
    UNROLL
    for (int j = 0; j < VL; j++) {
        int64_t at = (d + j) * rows;
        if (d + j < depth) {
            v_store_run(tile + at, m[j], depth * rows - at);
        }
    }
}

#endif
