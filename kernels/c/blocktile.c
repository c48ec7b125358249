// The inner loop of products with block types; see block.h. One function for each type and height,
// made from one always-inlined body whose loops unroll completely.
#include "dot.h"

enum {
    // While so many products are made with each line, the hardware does not fetch far enough ahead;
    // with fewer, it does better alone.
    PREFETCH_PRODUCTS = 8,
    PREFETCH_BYTES = 4096
};

INLINE void tile(
    const int type, const int rows, const char *x, const char *w, int64_t groups, float *c,
    int64_t ldc, int continued) {
    const int prefetch = rows * BLOCK_WORDS / block_lines(type) >= PREFETCH_PRODUCTS;
    vf sum[BLOCK_TILE_ROWS][PANEL_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < PANEL_VECTORS; v++) {
            sum[i][v] = continued ? v_load(c + i * ldc + v * VL) : v_zero();
        }
    }
    for (int64_t g = 0; g < groups; g++) {
        UNROLL
        for (int b = 0; b < GROUP_BLOCKS; b++) {
            const char *block = w + (1 + b * block_lines(type)) * PANEL_LINE;
            const char *q = x + b * rows * BLOCK;
            const char *start = x + rows * GROUP + b * rows * 4;
            const char *scale = start + GROUP_BLOCKS * rows * 4;
            vi dots[BLOCK_TILE_ROWS][PANEL_VECTORS];
            UNROLL
            for (int i = 0; i < rows; i++) {
                UNROLL
                for (int v = 0; v < PANEL_VECTORS; v++) {
                    dots[i][v] = dot_start(type, start + i * 4);
                }
            }
            UNROLL
            for (int word = 0; word < BLOCK_WORDS; word++) {
                if (prefetch && word < block_lines(type)) {
                    __builtin_prefetch(block + word * PANEL_LINE + PREFETCH_BYTES);
                }
                UNROLL
                for (int v = 0; v < PANEL_VECTORS; v++) {
                    dot_weights weights = dot_load(type, word, block + v * VL * 4);
                    UNROLL
                    for (int i = 0; i < rows; i++) {
                        const char *four = q + (word * rows + i) * 4;
                        dots[i][v] = dot_add(type, dots[i][v], weights, four);
                    }
                }
            }
            UNROLL
            for (int v = 0; v < PANEL_VECTORS; v++) {
                vf weightScale = v_load_f16((const uint16_t *)w + b * PANEL + v * VL);
                UNROLL
                for (int i = 0; i < rows; i++) {
                    vf scaled = dot_end(type, dots[i][v], start + i * 4) * weightScale;
                    float activationScale;
                    memcpy(&activationScale, scale + i * 4, sizeof activationScale);
                    sum[i][v] = v_fma(scaled, v_set(activationScale), sum[i][v]);
                }
            }
        }
        x += rows * GROUP_ROW_BYTES;
        w += block_group_bytes(type);
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < PANEL_VECTORS; v++) {
            v_store(c + i * ldc + v * VL, sum[i][v]);
        }
    }
}

typedef void rows_function(
    const char *x, const char *w, int64_t groups, float *c, int64_t ldc, int continued);

#define TILE(type, rows)                                                                     \
    static void tile_##type##_##rows(                                                        \
        const char *x, const char *w, int64_t groups, float *c, int64_t ldc, int continued) {  \
        tile(type, rows, x, w, groups, c, ldc, continued);                                   \
    }

#define NAME(type, rows) tile_##type##_##rows,

#if VL == 16
#define EACH_HEIGHT(X, type)                                                                   \
    X(type, 1) X(type, 2) X(type, 3) X(type, 4) X(type, 5) X(type, 6)                        \
    X(type, 7) X(type, 8) X(type, 9) X(type, 10) X(type, 11) X(type, 12)
#else
#define EACH_HEIGHT(X, type) X(type, 1) X(type, 2) X(type, 3) X(type, 4)
#endif

EACH_HEIGHT(TILE, DTYPE_Q8)
EACH_HEIGHT(TILE, DTYPE_Q4)

static rows_function *const q8_tiles[] = {EACH_HEIGHT(NAME, DTYPE_Q8)};
static rows_function *const q4_tiles[] = {EACH_HEIGHT(NAME, DTYPE_Q4)};

void block_tile(
    int64_t type, int64_t rows, const char *x, const char *w, int64_t groups, float *c, int64_t ldc,
    int continued) {
    rows_function *const *tiles = type == DTYPE_Q8 ? q8_tiles : q4_tiles;
    tiles[rows - 1](x, w, groups, c, ldc, continued);
}
