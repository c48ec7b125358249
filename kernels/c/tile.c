// See tile.h. One function for each kind, height and width that the registers can hold, all made
// from one always-inlined body whose loops unroll completely.
#include "tile.h"

enum { PANEL_VECTORS = PANEL / VL, MAX_VECTORS = TILE_PANELS * PANEL_VECTORS };

// Steps from the one at work to the one whose lines of B, or of A, are asked for. Tall tiles are
// many, so that A comes from afar too. One to three rows need so little arithmetic that the
// hardware's prefetching keeps up, and asking would slow it down.
enum { B_AHEAD = 8, A_AHEAD = 64, AHEAD_ROWS = 4 };

INLINE vf weight(const int kind, const int odd, const char *p) {
    switch (kind) {
        case TILE_BF16: return odd ? v_odd_bf16(p) : v_even_bf16(p);
        case TILE_F16: return odd ? v_odd_f16(p) : v_even_f16(p);
        default: return v_load(p);
    }
}

INLINE vf multiply_add(const int kind, vf w, const float *a, vf sum) {
#if defined(__AVX512BF16__)
    if (kind == TILE_DOT) {
        int32_t pair;
        memcpy(&pair, a, sizeof pair);
        return _mm512_dpbf16_ps(sum, (__m512bh)w, (__m512bh)_mm512_set1_epi32(pair));
    }
#else
    (void)kind;
#endif
    return v_fma(w, v_set(*a), sum);
}

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
                w[v] = weight(kind, half,
                    b + v / PANEL_VECTORS * stride + v % PANEL_VECTORS * (VL * 4));
            }
            UNROLL
            for (int i = 0; i < rows; i++) {
                UNROLL
                for (int v = 0; v < vectors; v++) {
                    sum[i][v] = multiply_add(kind, w[v], a + i, sum[i][v]);
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

// Those that would spill exist as empty functions, and tile_run never asks for them.
#define TILE(kind, panels, rows)                                                              \
    static void tile_##kind##_##panels##_##rows(                                              \
        const float *a, const char *b, int64_t stride, int64_t steps, float *c,           \
        int64_t ldc, int continued) {                                                         \
        if (rows <= TILE_ROWS && panels * PANEL_VECTORS * rows <= TILE_VECTORS) {             \
            tile(kind, panels, rows, a, b, stride, steps, c, ldc, continued);             \
        }                                                                                     \
    }

#define NAME(kind, panels, rows) tile_##kind##_##panels##_##rows,

#if VL == 16
#define EACH_ROWS(X, kind, panels)                                                            \
    X(kind, panels, 1) X(kind, panels, 2) X(kind, panels, 3) X(kind, panels, 4)               \
    X(kind, panels, 5) X(kind, panels, 6) X(kind, panels, 7) X(kind, panels, 8)               \
    X(kind, panels, 9) X(kind, panels, 10) X(kind, panels, 11) X(kind, panels, 12)
#elif VL == 8
#define EACH_ROWS(X, kind, panels)                                                            \
    X(kind, panels, 1) X(kind, panels, 2) X(kind, panels, 3) X(kind, panels, 4)               \
    X(kind, panels, 5) X(kind, panels, 6)
#else
#define EACH_ROWS(X, kind, panels)                                                            \
    X(kind, panels, 1) X(kind, panels, 2) X(kind, panels, 3) X(kind, panels, 4)
#endif

#define TILES(kind) EACH_ROWS(TILE, kind, 1) EACH_ROWS(TILE, kind, 2) EACH_ROWS(TILE, kind, 4)
#define NAMES(kind)                                                                           \
    [kind] = {{EACH_ROWS(NAME, kind, 1)}, {EACH_ROWS(NAME, kind, 2)}, {EACH_ROWS(NAME, kind, 4)}}

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
