// See tile.h. One function for each kind, height and width that the registers can hold, all made
// from one always-inlined body whose loops unroll completely.
#include "tile.h"

// Steps from the one at work to the one whose lines of B, or of A, are asked for. Tall tiles are
// many, so that A comes from afar too. One to three rows need so little arithmetic that the
// hardware's prefetching keeps up, and asking would slow it down.
enum { B_AHEAD = 8, A_AHEAD = 64, AHEAD_ROWS = 4 };

INLINE void tile(
    const int kind, const int panels, const int rows, const float *a, const char *b,
    int64_t stride, int64_t steps, float *c, int64_t ldc, int continued) {
    const int halves = kind == TILE_BF16 || kind == TILE_F16 ? 2 : 1;
    const int vectors = panels * PANEL_VECTORS;
    vf sum[TILE_ROWS][MAX_VECTORS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            sum[i][v] = continued ? v_load(c + i * ldc + v * VL) : v_zero();
        }
    }
    int64_t ahead = B_AHEAD * PANEL_LINE;
    for (int64_t s = 0; s < steps; s++, b += PANEL_LINE) {
        if (rows >= AHEAD_ROWS) {
            if (s + B_AHEAD == steps) {
                ahead += panels * stride - steps * PANEL_LINE;
            }
            UNROLL
            for (int p = 0; p < panels; p++) {
                __builtin_prefetch(b + p * stride + ahead);
            }
            if (rows > TILE_ROWS / 2) {
                __builtin_prefetch(a + A_AHEAD * halves * rows);
            }
        }
        UNROLL
        for (int half = 0; half < halves; half++, a += rows) {
            // The second half loads again: kept from the first, it would cost registers.
            __asm__("" : "+r"(b));
            vf w[MAX_VECTORS];
            UNROLL
            for (int v = 0; v < vectors; v++) {
                w[v] = step_operand(kind, half,
                    b + v / PANEL_VECTORS * stride + v % PANEL_VECTORS * (VL * 4));
            }
            UNROLL
            for (int i = 0; i < rows; i++) {
                UNROLL
                for (int v = 0; v < vectors; v++) {
                    sum[i][v] = step_add(kind, w[v], a + i, sum[i][v]);
                }
            }
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++) {
            v_store(c + i * ldc + v * VL, sum[i][v]);
        }
    }
}

#define TILE(kind, panels, rows)                                                              \
    static void tile_##kind##_##panels##_##rows(                                              \
        const float *a, const char *b, int64_t stride, int64_t steps, float *c,           \
        int64_t ldc, int continued) {                                                         \
        if (rows <= TILE_ROWS && panels * PANEL_VECTORS * rows <= TILE_VECTORS) {             \
            tile(kind, panels, rows, a, b, stride, steps, c, ldc, continued);             \
        }                                                                                     \
    }

#define NAME(kind, panels, rows) tile_##kind##_##panels##_##rows,

TILES(TILE_F32)
TILES(TILE_BF16)
TILES(TILE_F16)
#if defined(__AVX512BF16__)
TILES(TILE_DOT)
#endif

tile_function *const tile_functions[TILE_KINDS][3][TILE_ROWS] = {
    NAMES(TILE_F32),
    NAMES(TILE_BF16),
    NAMES(TILE_F16),
#if defined(__AVX512BF16__)
    NAMES(TILE_DOT),
#endif
};
