// The inner loop of attention: see multiply_steps in attention.h. One function for each kind,
// height and width that the registers can hold, all made from one always-inlined body whose loops
// unroll completely.
#include "attention.h"

enum { PANEL_VECTORS = PANEL / VL, MOST_PANELS = 4, MOST_VECTORS = MOST_PANELS * PANEL_VECTORS };

// Fewer rows than this wait for memory and not for arithmetic.
enum { FETCHING_ROWS = 8 };

typedef void step_function(
    const float *a, const char *b, int64_t stride, int64_t steps, float *c, int64_t ldc,
    int continued, const char *next);

INLINE vf operand(const int kind, const int odd, const char *p) {
    switch (kind) {
        case STEP_BF16: return odd ? v_odd_bf16(p) : v_even_bf16(p);
        case STEP_F16: return odd ? v_odd_f16(p) : v_even_f16(p);
        default: return v_load(p);
    }
}

INLINE vf multiply_add(const int kind, vf b, const float *a, vf sum) {
#if defined(__AVX512BF16__)
    if (kind == STEP_DOT) {
        int32_t pair;
        memcpy(&pair, a, sizeof pair);
        return _mm512_dpbf16_ps(sum, (__m512bh)b, (__m512bh)_mm512_set1_epi32(pair));
    }
#else
    (void)kind;
#endif
    return v_fma(b, v_set(*a), sum);
}

INLINE void steps_of(
    const int kind, const int panels, const int rows, const float *a, const char *b,
    int64_t stride, int64_t steps, float *c, int64_t ldc, int continued, const char *next) {
    const int halves = kind == STEP_BF16 || kind == STEP_F16 ? 2 : 1;
    const int vectors = panels * PANEL_VECTORS;
    vf sum[TILE_QUERIES][MOST_VECTORS];
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
                __builtin_prefetch(next + p * LINE, 0, 2);
            }
        }
        UNROLL
        for (int half = 0; half < halves; half++, a++) {
            // The second half loads again: kept from the first, it would cost registers.
            __asm__("" : "+r"(b));
            vf m[MOST_VECTORS];
            UNROLL
            for (int v = 0; v < vectors; v++) {
                m[v] = operand(kind, half,
                    b + v * (VL * 4));
            }
            UNROLL
            for (int i = 0; i < rows; i++) {
                UNROLL
                for (int v = 0; v < vectors; v++) {
                    sum[i][v] = multiply_add(kind, m[v], a + i * ROW_WORDS, sum[i][v]);
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

// Those that would spill exist as empty functions and are never asked for.
#define TILE(kind, panels, rows)                                                              \
    static void steps_##kind##_##panels##_##rows(                                             \
        const float *a, const char *b, int64_t stride, int64_t steps, float *c, int64_t ldc,  \
        int continued, const char *next) {                                                    \
        if (rows <= TILE_QUERIES && panels * PANEL_VECTORS * rows <= QUERY_VECTORS) {         \
            steps_of(kind, panels, rows, a, b, stride, steps, c, ldc, continued, next);       \
        }                                                                                     \
    }

#define NAME(kind, panels, rows) steps_##kind##_##panels##_##rows,

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

TILES(STEP_F32)
TILES(STEP_BF16)
TILES(STEP_F16)
#if defined(__AVX512BF16__)
TILES(STEP_DOT)
#endif

// By kind, binary logarithm of the panels, rows - 1.
static step_function *const step_functions[STEP_KINDS][3][TILE_QUERIES] = {
    NAMES(STEP_F32),
    NAMES(STEP_BF16),
    NAMES(STEP_F16),
#if defined(__AVX512BF16__)
    NAMES(STEP_DOT),
#endif
};

void multiply_steps(
    enum step_kind kind, int64_t rows, int64_t panels, const float *a, const char *b,
    int64_t stride, int64_t steps, float *c, int64_t ldc, int continued, const char *next) {
    for (int64_t p = 0; p < panels;) {
        int log = 2;
        while (((int64_t)1 << log) > panels - p || (rows << log) * PANEL_VECTORS > QUERY_VECTORS) {
            log--;
        }
        step_functions[kind][log][rows - 1](
            a, b + p * LINE, stride, steps, c + p * PANEL, ldc, continued, next + p * LINE);
        p += (int64_t)1 << log;
    }
}
