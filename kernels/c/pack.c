// Packing of weights. Both panel layouts are the transpose of 16 rows of 32-bit words: a word is
// one float32 or a pair of 16-bit elements. A unit is one panel.
#include "ocellus.h"
#include "simd.h"

// VL words of a row that holds `bytes` bytes, from word `word` on; zero past the end.
INLINE vf load_words(const char *row, int64_t word, int64_t bytes) {
    int64_t left = bytes - word * 4;
    if (left >= VL * 4) {
        return v_load(row + word * 4);
    }
    char t[VL * 4] = {0};
    memcpy(t, row + word * 4, (size_t)left);
    return v_load(t);
}

UNITS(PackPanels, PackPanels) { return ceil_div(ROW_COUNT(a), PANEL); }

KERNEL(PackPanels, PackPanels) {
    int64_t rows = ROW_COUNT(a);
    int64_t bytes = a->k * (a->type == DTYPE_F32 ? 4 : 2);
    int64_t words = ceil_div(bytes, 4);
    for (int64_t u = begin; u < end; u++) {
        char *panel = a->dst + (a->firstPanel + u * a->panelStride) * words * PANEL * 4;
        for (int64_t word = 0; word < words; word += VL) {
            for (int64_t lane = 0; lane < PANEL; lane += VL) {
                vf m[VL];
                for (int64_t i = 0; i < VL; i++) {
                    int64_t row = u * PANEL + lane + i;
                    m[i] = row < rows ? load_words(a->src + row * bytes, word, bytes) : v_zero();
                }
                v_transpose(m);
                for (int64_t j = 0; j < min_i64(VL, words - word); j++) {
                    v_store(panel + ((word + j) * PANEL + lane) * 4, m[j]);
                }
            }
        }
    }
}
