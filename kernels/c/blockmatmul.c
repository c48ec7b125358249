// Linear layers with weights of block types. BlockMatMulPack rounds the activations to int8 and
// packs them in tiles of nearly equal height, as block.h says, in the scratch memory. A single short
// row is rounded by each range of units for itself, which is cheaper than a launch. A unit of
// BlockMatMul is a few weight panels times a block of tiles; few rows are one block, so that the
// panels are one stream that is read from memory exactly once. Else the units of the same panels
// follow one another, so that those stay in the cache; but where a block of tiles is too large to
// stay beside them, its units do, for the panels are the smaller stream of the two.
#include "dot.h"
#include "epilogue.h"

enum {
    TILES_TOGETHER = 8,
    PANELS_TOGETHER = 4,
    // Groups after which a tile is left for the next one, so that its part and one of a panel stay in
    // the first-level cache, and the parts of all panels in the second.
    CHUNK_GROUPS = 8,
    // Of activations, up to which a block of tiles stays in the second-level cache.
    CACHED_BYTES = 512 << 10,
    // Longest single row that is not packed beforehand: a launch takes as long as rounding some five
    // hundred elements, and a thread runs a few ranges.
    ROW_GROUPS = 16,
    SUMS_STRIDE = PANELS_TOGETHER * PANEL
};

struct plan {
    int single;  // one row, rounded by each range of units
    int64_t rows;
    int64_t tiles;
    int64_t blocks;
    int64_t panels;
    int64_t unitPanels;
    int64_t panelBytes;
    int64_t groups;
};

static struct plan plan_of(const struct MatMul *a) {
    struct plan p = {0};
    p.rows = ROW_COUNT(a);
    p.tiles = ceil_div(p.rows, BLOCK_TILE_ROWS);
    p.blocks = ceil_div(p.tiles, TILES_TOGETHER);
    p.panels = ceil_div(a->n, PANEL) * (a->gated ? 2 : 1);
    // With one block, a gated layer's least, so that threads get even shares of few panels.
    p.unitPanels = p.blocks == 1 ? 2 : PANELS_TOGETHER;
    p.panelBytes = block_panel_bytes(a->wType, a->k);
    p.groups = ceil_div(a->k, GROUP);
    p.single = p.rows == 1 && p.groups <= ROW_GROUPS;
    return p;
}

static int64_t tile_start(const struct plan *p, int64_t tile) { return tile * p->rows / p->tiles; }

// Rounds up to GROUP values at x to q and sets where sums with them start and their scales. The
// largest magnitude is found among the bits, where infinities and NaN are larger than numbers.
INLINE void round_row(
    const float *x, int64_t n, int64_t type, char *q, int32_t start[GROUP_BLOCKS],
    float scale[GROUP_BLOCKS]) {
    vi integers[GROUP / VL];
    UNROLL
    for (int b = 0; b < GROUP_BLOCKS; b++) {
        vf v[BLOCK / VL];
        vi largest = {0}, sum = {0};
        UNROLL
        for (int i = 0; i < BLOCK / VL; i++) {
            int64_t at = b * BLOCK + i * VL;
            v[i] = n >= GROUP ? v_load(x + at) : v_load_run(x + at, max_i64(n - at, 0));
            largest = vi_max(largest, (vi)v_abs(v[i]));
        }
        float m = vi_largest(largest);
        vf inverse = v_set(m < 0x1p-100f ? 0 : 127 / m);
        scale[b] = m < 0x1p-100f ? 0 : m / 127;
        UNROLL
        for (int i = 0; i < BLOCK / VL; i++) {
            vi rounded = vi_nearest(v[i] * inverse);
            integers[b * BLOCK / VL + i] = rounded;
            sum += rounded;
        }
        start[b] = -dot_offset(type) * vi_sum(sum);
    }
    UNROLL
    for (int i = 0; i < GROUP / VL; i += 4) {
        v_store(q + i * VL, vi_bytes(integers + i));
    }
}

// Group `group` of the rows of a tile.
static void round_group(
    const struct MatMul *a, int64_t row, int64_t rows, int64_t group, char *out) {
    char q[VL][GROUP];
    int32_t start[BLOCK_TILE_ROWS][GROUP_BLOCKS];
    float scale[BLOCK_TILE_ROWS][GROUP_BLOCKS];
    for (int64_t i = 0; i < rows; i++) {
        const float *x = a->x + (row + i) * a->ldx + group * GROUP;
        round_row(x, a->k - group * GROUP, a->wType, rows == 1 ? out : q[i], start[i], scale[i]);
    }
    for (int64_t d = 0; rows > 1 && d < GROUP_WORDS; d += VL) {
        vf m[VL];
        UNROLL
        for (int i = 0; i < VL; i++) {
            m[i] = i < rows ? v_load(q[i] + d * 4) : v_zero();
        }
        tile_store((float *)out, rows, GROUP_WORDS, d, m);
    }
    out += rows * GROUP;
    for (int64_t b = 0; b < GROUP_BLOCKS; b++) {
        for (int64_t i = 0; i < rows; i++) {
            memcpy(out + (b * rows + i) * 4, &start[i][b], 4);
            memcpy(out + ((GROUP_BLOCKS + b) * rows + i) * 4, &scale[i][b], 4);
        }
    }
}

UNITS(BlockMatMulPack, MatMul) {
    struct plan p = plan_of(a);
    return p.single ? 0 : p.tiles;
}

KERNEL(BlockMatMulPack, MatMul) {
    struct plan p = plan_of(a);
    for (int64_t t = begin; t < end; t++) {
        int64_t start = tile_start(&p, t);
        int64_t rows = tile_start(&p, t + 1) - start;
        char *out = (char *)a->scratch + start * p.groups * GROUP_ROW_BYTES;
        for (int64_t g = 0; g < p.groups; g++, out += rows * GROUP_ROW_BYTES) {
            round_group(a, start, rows, g, out);
        }
    }
}

// The tiles of one block times up to PANELS_TOGETHER panels.
static void multiply_block(
    const struct MatMul *a, const struct plan *p, const char *x, int64_t block, int64_t panel,
    int64_t panels) {
    float sums[TILES_TOGETHER][BLOCK_TILE_ROWS * SUMS_STRIDE];
    int64_t first = block * p->tiles / p->blocks;
    int64_t last = (block + 1) * p->tiles / p->blocks;
    int64_t chunk = last - first == 1 ? max_i64(p->groups, 1) : CHUNK_GROUPS;
    const char *w = a->w + panel * p->panelBytes;
    int64_t group = 0;
    do {
        int64_t groups = min_i64(chunk, p->groups - group);
        for (int64_t t = first; t < last; t++) {
            int64_t start = tile_start(p, t);
            int64_t rows = tile_start(p, t + 1) - start;
            const char *part = x + (start * p->groups + group * rows) * GROUP_ROW_BYTES;
            if (group + groups == p->groups) {
                prefetch_tile(a, start, rows, panel, panels);
            }
            for (int64_t i = 0; i < panels; i++) {
                block_tile(
                    a->wType, rows, part,
                    w + i * p->panelBytes + group * block_group_bytes(a->wType), groups,
                    sums[t - first] + i * PANEL, SUMS_STRIDE, group > 0);
            }
            if (group + groups == p->groups) {
                finish_tile(a, start, rows, panel, panels, sums[t - first], SUMS_STRIDE);
            }
        }
        group += groups;
    } while (group < p->groups);
}

UNITS(BlockMatMul, MatMul) {
    struct plan p = plan_of(a);
    return ceil_div(p.panels, p.unitPanels) * p.blocks;
}

KERNEL(BlockMatMul, MatMul) {
    struct plan p = plan_of(a);
    int64_t pieces = ceil_div(p.panels, p.unitPanels);
    int64_t blockBytes = TILES_TOGETHER * BLOCK_TILE_ROWS * p.groups * GROUP_ROW_BYTES;
    int panelsStay = blockBytes <= CACHED_BYTES;
    char row[ROW_GROUPS * GROUP_ROW_BYTES];
    for (int64_t g = 0; p.single && g < p.groups; g++) {
        round_group(a, 0, 1, g, row + g * GROUP_ROW_BYTES);
    }
    const char *x = p.single ? row : a->scratch;
    for (int64_t u = begin; u < end;) {
        int64_t units = p.blocks == 1 ? min_i64(end - u, PANELS_TOGETHER / p.unitPanels) : 1;
        int64_t panel = (panelsStay ? u / p.blocks : u % pieces) * p.unitPanels;
        int64_t block = panelsStay ? u % p.blocks : u / pieces;
        multiply_block(
            a, &p, x, block, panel, min_i64(units * p.unitPanels, p.panels - panel));
        u += units;
    }
}
