// The inner loop of attention: see multiply_steps in attention.h. One function for each kind,
// height and width that the registers can hold, all made from one always-inlined body whose loops
// unroll completely.
#include "attention.h"

// Fewer rows than this wait for memory and not for arithmetic.
enum { FETCHING_ROWS = 8 };

typedef void step_function(
    const float *a, const char *b, int64_t stride, int64_t steps, float *c, int64_t ldc,
    int continued, const char *next);

INLINE void steps_of(
    const int kind, const int panels, const int rows, const float *a, const char *b,
    int64_t stride, int64_t steps, float *c, int64_t ldc, int continued, const char *next) {
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
    for (int64_t s = 0; s < steps; s++, b += stride, next += stride) {
        if (rows < FETCHING_ROWS) {
            UNROLL
            for (int p = 0; p < panels; p++) {
                __builtin_prefetch(next + p * PANEL_LINE, 0, 2);
            }
        }
        UNROLL
        for (int half = 0; half < halves; half++, a++) {
            // The second half loads again: kept from the first, it would cost registers.
            __asm__("" : "+r"(b));
            vf m[MAX_VECTORS];
            UNROLL
            for (int v = 0; v < vectors; v++) {
                m[v] = step_operand(kind, half, b + v * (VL * 4));
            }
            UNROLL
            for (int i = 0; i < rows; i++) {
                UNROLL
                for (int v = 0; v < vectors; v++) {
                    sum[i][v] = step_add(kind, m[v], a + i * ROW_WORDS, sum[i][v]);
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
    static void steps_##kind##_##panels##_##rows(                                             \
        const float *a, const char *b, int64_t stride, int64_t steps, float *c, int64_t ldc,  \
        int continued, const char *next) {                                                    \
        if (rows <= TILE_ROWS && panels * PANEL_VECTORS * rows <= TILE_VECTORS) {         \
            steps_of(kind, panels, rows, a, b, stride, steps, c, ldc, continued, next);       \
        }                                                                                     \
    }

#define NAME(kind, panels, rows) steps_##kind##_##panels##_##rows,

TILES(TILE_F32)
TILES(TILE_BF16)
TILES(TILE_F16)
#if defined(__AVX512BF16__)
TILES(TILE_DOT)
#endif

// By kind, binary logarithm of the panels, rows - 1.
static step_function *const step_functions[TILE_KINDS][3][TILE_ROWS] = {
    NAMES(TILE_F32),
    NAMES(TILE_BF16),
    NAMES(TILE_F16),
#if defined(__AVX512BF16__)
    NAMES(TILE_DOT),
#endif
};

void multiply_steps(
    enum tile_kind kind, int64_t rows, int64_t panels, const float *a, const char *b,
    int64_t stride, int64_t steps, float *c, int64_t ldc, int continued, const char *next) {
    for (int64_t p = 0; p < panels;) {
        int log = 2;
        while (((int64_t)1 << log) > panels - p || (rows << log) * PANEL_VECTORS > TILE_VECTORS) {
            log--;
        }
        step_functions[kind][log][rows - 1](
            a, b + p * PANEL_LINE, stride, steps, c + p * PANEL, ldc, continued, next + p * PANEL_LINE);
        p += (int64_t)1 << log;
    }
}
