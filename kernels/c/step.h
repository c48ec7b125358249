// What the inner loops of products have in common: the forms of their operands, the registers they
// may take, and how one always-inlined body becomes a function for each kind, width and height.
#ifndef OCELLUS_STEP_H
#define OCELLUS_STEP_H

#include "ocellus.h"
#include "simd.h"

// Accumulators that fit the register file beside the operands, and the tallest tile.
#if VL == 16
enum { TILE_VECTORS = 24, TILE_ROWS = 12 };
#elif VL == 8
enum { TILE_VECTORS = 12, TILE_ROWS = 6 };
#else
enum { TILE_VECTORS = 24, TILE_ROWS = 4 };
#endif

// TILE_PANELS is the most panels taken together; PANEL_LINE the bytes of a panel for one step.
enum {
    TILE_PANELS = 4,
    PANEL_LINE = 64,
    PANEL_VECTORS = PANEL / VL,
    MAX_VECTORS = TILE_PANELS * PANEL_VECTORS
};

// What a step along k is: the form of the right operand, and for DOT also of the left one.
enum tile_kind {
    TILE_F32,   // one k of float32
    TILE_BF16,  // two k of bfloat16, widened
    TILE_F16,   // two k of float16, widened
    TILE_DOT,   // two k of bfloat16 on both sides
    TILE_KINDS
};

// A vector of the right operand; `odd` asks for the second of the two k of pairs that are widened.
INLINE vf step_operand(const int kind, const int odd, const char *p) {
    switch (kind) {
        case TILE_BF16: return odd ? v_odd_bf16(p) : v_even_bf16(p);
        case TILE_F16: return odd ? v_odd_f16(p) : v_even_f16(p);
        default: return v_load(p);
    }
}

// Adds the product with one word of the left operand.
INLINE vf step_add(const int kind, vf b, const float *a, vf sum) {
#if defined(__AVX512BF16__)
    if (kind == TILE_DOT) {
        int32_t pair;
        memcpy(&pair, a, sizeof pair);
        return _mm512_dpbf16_ps(sum, (__m512bh)b, (__m512bh)_mm512_set1_epi32(pair));
    }
#else
    (void)kind;
#endif
    return v_fma(b, v_set(*a), sum);
}

// TILES(kind) makes functions of TILE(kind, panels, rows), NAMES(kind) a table of NAME(kind, panels,
// rows), by the binary logarithm of the panels and rows - 1; the file that uses them defines both.
// Tiles that would spill are made of an empty body and never asked for.
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

#endif
