// Packing into panels. Both layouts are the transpose of 16 rows of 32-bit words: a word is one
// float32 or a pair of 16-bit elements.
#ifndef OCELLUS_PANEL_H
#define OCELLUS_PANEL_H

#include "ocellus.h"
#include "simd.h"

// VL words of a row that holds `bytes` bytes, from word `word` on; zero past the end.
INLINE vf panel_words(const char *row, int64_t word, int64_t bytes) {
    char t[VL * 4] = {0};
    memcpy(t, row + word * 4, (size_t)min_i64(VL * 4, bytes - word * 4));
    return v_load(t);
}

// Fills one panel from up to PANEL rows of `bytes` bytes; absent rows become zero.
static inline void panel_pack(
    const char *const *rows, int64_t count, int64_t bytes, char *panel) {
    int64_t words = ceil_div(bytes, 4);
    for (int64_t lane = 0; lane < PANEL; lane += VL) {
        char *out = panel + lane * 4;
        int64_t word = 0;
        for (; lane + VL <= count && (word + VL) * 4 <= bytes; word += VL) {
            vf m[VL];
            UNROLL
            for (int i = 0; i < VL; i++) {
                m[i] = v_load(rows[lane + i] + word * 4);
            }
            v_transpose(m);
            UNROLL
            for (int j = 0; j < VL; j++) {
                v_store(out + (word + j) * PANEL * 4, m[j]);
            }
        }
        for (; word < words; word += VL) {
            vf m[VL];
            for (int i = 0; i < VL; i++) {
                m[i] = lane + i < count ? panel_words(rows[lane + i], word, bytes) : v_zero();
            }
            v_transpose(m);
            for (int64_t j = 0; j < min_i64(VL, words - word); j++) {
                v_store(out + (word + j) * PANEL * 4, m[j]);
            }
        }
    }
}

#endif
