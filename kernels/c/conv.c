// Convolutions as matrix products: a row is the patch of one output pixel, in the order of the
// filter (ky, kx, channel), and is made only while it is packed. Pixels are taken strip by strip,
// so that the packed patches of all of them never lie side by side: Conv2dPack packs the patches of
// a strip into the scratch memory, Conv2d multiplies them. Units count over all strips, equally
// many for each; the caller runs those of one strip at a time.
#include "tile.h"
#include "vmath.h"

enum {
    // Pixels that a unit takes; whole tiles of every height.
    BLOCK_PIXELS = 96,
    BLOCK_TILES = BLOCK_PIXELS / TILE_ROWS,
    // A strip is as many blocks as fit into STRIP_BYTES of float32 patches, at least one.
    // Conv2dLaunches counts the same.
    STRIP_BYTES = 8 << 20,
    // Steps after which a tile is left for the next one, as in a matrix product.
    CHUNK_STEPS = 1024,
    BUFFER_STRIDE = TILE_PANELS * PANEL
};

struct plan {
    enum tile_kind kind;
    int rounded;         // activations are rounded to bfloat16 but stay float32
    int64_t pixels;
    int64_t strips;      // for all rows that there may be
    int64_t stripBlocks;
    int64_t groups;      // of up to TILE_PANELS panels
    int64_t panels;
    int64_t panelBytes;
    int64_t k;
    int64_t steps;
    int64_t depth;       // elements of a packed patch
};

static struct plan plan_of(const struct Conv2d *a) {
    struct plan p = {0};
    p.k = a->kernelHeight * a->kernelWidth * a->inCols;
    p.pixels = ROW_COUNT(a) * a->outHeight * a->outWidth;
    int64_t padded = (p.k + 1) / 2 * 2;
    p.stripBlocks = max_i64(STRIP_BYTES / (BLOCK_PIXELS * 4) / padded, 1);
    p.strips = ceil_div(a->rows * a->outHeight * a->outWidth, p.stripBlocks * BLOCK_PIXELS);
    p.panels = ceil_div(a->n, PANEL);
    p.groups = ceil_div(p.panels, TILE_PANELS);
    int pairs = a->wType != DTYPE_F32;
    p.steps = pairs ? padded / 2 : p.k;
    p.depth = pairs ? padded : p.k;
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
    return p;
}

// The packed patches of the tile that starts at a pixel.
static float *tile_of(const struct Conv2d *a, const struct plan *p, int64_t pixel) {
    return (float *)a->scratch + pixel % (p->stripBlocks * BLOCK_PIXELS) * p->depth;
}

// The patch of an output pixel: its upper left corner may lie outside the image.
struct patch {
    const float *image;
    int64_t y;
    int64_t x;
};

static struct patch patch_of(const struct Conv2d *a, int64_t pixel) {
    int64_t area = a->outHeight * a->outWidth;
    int64_t cell = pixel % area;
    return (struct patch){
        a->x + pixel / area * a->height * a->width * a->ldx,
        cell / a->outWidth * a->stride - a->padTop,
        cell % a->outWidth * a->stride - a->padLeft,
    };
}

// The channels under a tap of the filter, or null in the padding.
INLINE const float *tap_of(
    const struct Conv2d *a, const struct patch *patch, int64_t ky, int64_t kx) {
    int64_t y = patch->y + ky * a->dilation;
    int64_t x = patch->x + kx * a->dilation;
    int inside = y >= 0 && y < a->height && x >= 0 && x < a->width;
    return inside ? patch->image + (y * a->width + x) * a->ldx : 0;
}

// VL elements of a patch from element `at` on, across taps; zero past the end.
static vf gather(
    const struct Conv2d *a, const struct plan *p, const struct patch *patch, int64_t at) {
    float t[VL] = {0};
    int64_t end = min_i64(at + VL, p->k);
    for (int64_t i = at; i < end;) {
        int64_t tap = i / a->inCols, c = i % a->inCols;
        int64_t run = min_i64(a->inCols - c, end - i);
        const float *from = tap_of(a, patch, tap / a->kernelWidth, tap % a->kernelWidth);
        if (from) {
            memcpy(t + (i - at), from + c, (size_t)run * 4);
        }
        i += run;
    }
    return v_load(t);
}

// VL elements of the patches of a tile from element `at` on.
static void load_patches(
    const struct Conv2d *a, const struct plan *p, const struct patch *patches, int64_t rows,
    int64_t at, vf m[VL]) {
    int64_t tap = at / a->inCols, c = at % a->inCols;
    int64_t ky = tap / a->kernelWidth, kx = tap % a->kernelWidth;
    int together = c + VL <= a->inCols && at < p->k;
    for (int64_t i = 0; i < rows; i++) {
        if (together) {
            const float *from = tap_of(a, &patches[i], ky, kx);
            m[i] = from ? v_load(from + c) : v_zero();
        } else {
            m[i] = gather(a, p, &patches[i], at);
        }
    }
}

static void pack_tile(
    const struct Conv2d *a, const struct plan *p, int64_t start, int64_t rows) {
    struct patch patches[TILE_ROWS];
    float *out = tile_of(a, p, start);
    for (int64_t i = 0; i < rows; i++) {
        patches[i] = patch_of(a, start + i);
    }
    for (int64_t d = 0; d < p->depth; d += VL) {
        vf m[VL];
        for (int i = 0; i < VL; i++) {
            m[i] = v_zero();
        }
#if defined(__AVX512BF16__)
        if (p->kind == TILE_DOT) {
            vf high[VL];
            load_patches(a, p, patches, rows, 2 * d, m);
            load_patches(a, p, patches, rows, 2 * d + VL, high);
            for (int64_t i = 0; i < rows; i++) {
                m[i] = (vf)_mm512_cvtne2ps_pbh(high[i], m[i]);
            }
            tile_store(out, rows, p->depth, d, m);
            continue;
        }
#endif
        load_patches(a, p, patches, rows, d, m);
        for (int64_t i = 0; p->rounded && i < rows; i++) {
            m[i] = v_round_bf16(m[i]);
        }
        tile_store(out, rows, p->depth, d, m);
    }
}

UNITS(Conv2dPack, Conv2d) {
    struct plan p = plan_of(a);
    return p.strips * p.stripBlocks;
}

KERNEL(Conv2dPack, Conv2d) {
    struct plan p = plan_of(a);
    int64_t last = min_i64(end * BLOCK_PIXELS, p.pixels);
    for (int64_t start = begin * BLOCK_PIXELS; start < last; start += TILE_ROWS) {
        pack_tile(a, &p, start, min_i64(TILE_ROWS, p.pixels - start));
    }
}

// out = residual + act(sum + bias) for the columns [j, j + 16) of one pixel.
static void finish(const struct Conv2d *a, int64_t pixel, int64_t j, const float *sum) {
    for (int64_t end = min_i64(j + PANEL, a->n); j < end; j += VL, sum += VL) {
        int64_t left = end - j;
        vf v = v_load(sum);
        if (a->bias) {
            v += v_load_run(a->bias + j, left);
        }
        v = v_activate(v, a->activation);
        if (a->residual) {
            v += v_load_run(a->residual + pixel * a->ldr + j, left);
        }
        v_store_run(a->out + pixel * a->ldo + j, v, left);
    }
}

// The pixels [first, last) times up to TILE_PANELS panels.
static void multiply_block(
    const struct Conv2d *a, const struct plan *p, int64_t first, int64_t last, int64_t panel) {
    float sums[BLOCK_TILES][TILE_ROWS * BUFFER_STRIDE];
    int64_t panels = min_i64(TILE_PANELS, p->panels - panel);
    int64_t width = p->depth == p->steps ? 1 : 2;
    const char *w = a->w + panel * p->panelBytes;
    for (int64_t step = 0; step < p->steps; step += CHUNK_STEPS) {
        int64_t steps = min_i64(CHUNK_STEPS, p->steps - step);
        for (int64_t start = first; start < last; start += TILE_ROWS) {
            int64_t rows = min_i64(TILE_ROWS, last - start);
            float *c = sums[(start - first) / TILE_ROWS];
            tile_run(
                p->kind, rows, panels, TILE_PANELS, tile_of(a, p, start) + step * width * rows,
                w + step * PANEL_LINE, p->panelBytes, steps, c, BUFFER_STRIDE, step > 0);
            for (int64_t i = 0; step + steps == p->steps && i < rows; i++) {
                for (int64_t q = 0; q < panels; q++) {
                    finish(a, start + i, (panel + q) * PANEL, c + i * BUFFER_STRIDE + q * PANEL);
                }
            }
        }
    }
}

// Units of a strip: its blocks for the first group of panels, then for the next.
UNITS(Conv2d, Conv2d) {
    struct plan p = plan_of(a);
    return p.strips * p.groups * p.stripBlocks;
}

KERNEL(Conv2d, Conv2d) {
    struct plan p = plan_of(a);
    for (int64_t u = begin; u < end; u++) {
        int64_t strip = u / (p.stripBlocks * p.groups);
        int64_t group = u / p.stripBlocks % p.groups;
        int64_t first = (strip * p.stripBlocks + u % p.stripBlocks) * BLOCK_PIXELS;
        int64_t last = min_i64(first + BLOCK_PIXELS, p.pixels);
        if (first < last) {
            multiply_block(a, &p, first, last, group * TILE_PANELS);
        }
    }
}
