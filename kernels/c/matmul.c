// Linear layers. The activations are cut into tiles of nearly equal height, each packed as
// [k][rows of the tile] in the scratch memory by MatMulPack; a single row of float32 needs no
// packing. A unit of MatMul is a few weight panels times a block of tiles. Few rows are one block,
// so that every panel is streamed from memory exactly once; with many rows the units of the same
// panels follow one another, so that those stay in the cache.
#include "epilogue.h"
#include "tile.h"

enum {
    BLOCK_TILES = 8,
    // Steps after which a tile is left for the next one, so that the panels' part stays in the
    // second-level cache and the tile's part in the first.
    CHUNK_STEPS = 1024,
    // Panels this short, taken side by side for a few rows, end before the hardware's prefetching
    // pays; one after the other they are one stream. With one row that is best for long ones too,
    // unless the chain of sums is what takes the time: two links a step, where weights are widened.
    SHORT_STEPS = 512,
    FEW_ROWS = 4,
    // From so many tiles on it pays to widen float16 weights once for all of them, so many steps
    // at a time. Widening bfloat16 is too cheap for that.
    WIDE_TILES = 4,
    WIDE_STEPS = 128,
    WIDE_BYTES = 2 * WIDE_STEPS * PANEL_LINE,
    BUFFER_STRIDE = TILE_PANELS * PANEL
};

struct plan {
    enum tile_kind kind;
    int rounded;         // activations are rounded to bfloat16 but stay float32
    int direct;          // x is used as it is
    int64_t rows;
    int64_t tiles;
    int64_t blocks;
    int64_t panels;
    int64_t unitPanels;
    int64_t panelBytes;
    int64_t steps;       // PANEL_LINEs of a panel
    int64_t depth;       // elements of a packed row
};

static struct plan plan_of(const struct MatMul *a) {
    struct plan p = {0};
    p.rows = ROW_COUNT(a);
    p.tiles = ceil_div(p.rows, TILE_ROWS);
    p.blocks = ceil_div(p.tiles, BLOCK_TILES);
    p.panels = ceil_div(a->n, PANEL) * (a->gated ? 2 : 1);
    // With one block, a gated layer's least, so that threads get even shares of few panels.
    p.unitPanels = p.blocks == 1 ? 2 : TILE_PANELS;
    p.steps = a->wType == DTYPE_F32 ? a->k : ceil_div(a->k, 2);
    p.depth = a->wType == DTYPE_F32 ? p.steps : 2 * p.steps;
    p.panelBytes = p.steps * PANEL_LINE;
    p.kind = a->wType == DTYPE_F32 ? TILE_F32 : a->wType == DTYPE_F16 ? TILE_F16 : TILE_BF16;
    if (a->compute == COMPUTE_BF16) {
#if defined(__AVX512BF16__)
        p.kind = TILE_DOT;
        p.depth = p.steps;
#else
        p.rounded = 1;
#endif
    }
    p.direct = p.rows == 1 && a->compute == COMPUTE_F32 && p.depth == a->k;
    return p;
}

static int64_t tile_start(const struct plan *p, int64_t tile) { return tile * p->rows / p->tiles; }

// VL elements of the packed form of a row, from element d on; zero past the end.
INLINE vf packed_elements(const struct plan *p, const float *row, int64_t k, int64_t d) {
#if defined(__AVX512BF16__)
    if (p->kind == TILE_DOT) {
        int64_t left = k - 2 * d;
        vf low = v_load_run(row + 2 * d, max_i64(left, 0));
        vf high = left > VL ? v_load_run(row + 2 * d + VL, left - VL) : v_zero();
        return (vf)_mm512_cvtne2ps_pbh(high, low);
    }
#endif
    vf v = v_load_run(row + d, max_i64(k - d, 0));
    return p->rounded ? v_round_bf16(v) : v;
}

UNITS(MatMulPack, MatMul) {
    struct plan p = plan_of(a);
    return p.direct ? 0 : p.tiles;
}

KERNEL(MatMulPack, MatMul) {
    struct plan p = plan_of(a);
    for (int64_t t = begin; t < end; t++) {
        int64_t start = tile_start(&p, t);
        int64_t rows = tile_start(&p, t + 1) - start;
        float *out = (float *)a->scratch + start * p.depth;
        for (int64_t d = 0; d < p.depth; d += VL) {
            vf m[VL];
            UNROLL
            for (int i = 0; i < VL; i++) {
                m[i] = v_zero();
                if (i < rows) {
                    m[i] = packed_elements(&p, a->x + (start + i) * a->ldx, a->k, d);
                }
            }
            tile_store(out, rows, p.depth, d, m);
        }
    }
}

static int64_t panels_together(const struct plan *p, int64_t rows) {
    int stream = rows == 1 && (p->kind == TILE_F32 || p->kind == TILE_DOT);
    return stream || (rows <= FEW_ROWS && p->steps <= SHORT_STEPS) ? 1 : TILE_PANELS;
}

// Panels of float32 with the values of `steps` steps of panels of float16.
static void widen_f16(
    const char *w, int64_t panelBytes, int64_t panels, int64_t steps, char *wide) {
    for (int64_t q = 0; q < panels; q++, w += panelBytes, wide += WIDE_BYTES) {
        for (int64_t s = 0; s < steps; s++) {
            for (int64_t i = s * PANEL_LINE; i < (s + 1) * PANEL_LINE; i += VL * 4) {
                char *out = wide + s * PANEL_LINE + i;
                v_store(out, v_even_f16(w + i));
                v_store(out + PANEL_LINE, v_odd_f16(w + i));
            }
        }
    }
}

// The tiles of one block times up to TILE_PANELS panels.
static void multiply_block(
    const struct MatMul *a, const struct plan *p, int64_t block, int64_t panel, int64_t panels) {
    float sums[BLOCK_TILES][TILE_ROWS * BUFFER_STRIDE];
    char wide[TILE_PANELS * WIDE_BYTES] __attribute__((aligned(PANEL_LINE)));
    int64_t first = block * p->tiles / p->blocks;
    int64_t last = (block + 1) * p->tiles / p->blocks;
    int widened = p->kind == TILE_F16 && last - first >= WIDE_TILES;
    enum tile_kind kind = widened ? TILE_F32 : p->kind;
    int64_t stride = widened ? WIDE_BYTES : p->panelBytes;
    int64_t chunk = widened ? WIDE_STEPS : CHUNK_STEPS;
    if (last - first == 1) {
        chunk = max_i64(p->steps, 1);
    }
    int64_t width = p->depth == p->steps ? 1 : 2;
    const float *x = p->direct ? a->x : a->scratch;
    const char *w = a->w + panel * p->panelBytes;
    int64_t step = 0;
    do {
        int64_t steps = min_i64(chunk, p->steps - step);
        const char *part = w + step * PANEL_LINE;
        if (widened) {
            widen_f16(part, p->panelBytes, panels, steps, wide);
            part = wide;
        }
        for (int64_t t = first; t < last; t++) {
            int64_t start = tile_start(p, t);
            int64_t rows = tile_start(p, t + 1) - start;
            if (step + steps == p->steps) {
                prefetch_tile(a, start, rows, panel, panels);
            }
            tile_run(
                kind, rows, panels, panels_together(p, rows),
                x + start * p->depth + step * width * rows, part, stride,
                widened ? 2 * steps : steps, sums[t - first], BUFFER_STRIDE, step > 0);
            if (step + steps == p->steps) {
                finish_tile(a, start, rows, panel, panels, sums[t - first], BUFFER_STRIDE);
            }
        }
        step += steps;
    } while (step < p->steps);
}

UNITS(MatMul, MatMul) {
    struct plan p = plan_of(a);
    return ceil_div(p.panels, p.unitPanels) * p.blocks;
}

KERNEL(MatMul, MatMul) {
    struct plan p = plan_of(a);
    for (int64_t u = begin; u < end;) {
        int64_t units = p.blocks == 1 ? min_i64(end - u, TILE_PANELS / p.unitPanels) : 1;
        int64_t panel = u / p.blocks * p.unitPanels;
        multiply_block(
            a, &p, u % p.blocks, panel, min_i64(units * p.unitPanels, p.panels - panel));
        u += units;
    }
}
