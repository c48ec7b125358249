// Keys and values that are brought into the form of a cache's pages, one range at a time.
#include "attention.h"

void start_packed(struct work *w, int64_t first, int64_t count, struct range *range) {
    range->first = first;
    range->runs = 0;
    for (int64_t t = 0; t < count; t += BLOCK) {
        struct run *run = range->run + range->runs++;
        run->keys = w->keys + t * w->keySteps * 4;
        run->keyStride = BLOCK * 4;
        run->values = w->values + t / w->pair * min_i64(BLOCK, w->paddedDim) * 4;
        run->valueTokens = RANGE;
        run->tokens = min_i64(BLOCK, count - t);
    }
}

// VL words of row `x` from element d on: float32, or pairs of bfloat16.
INLINE vf words(const struct work *w, const float *x, int64_t d) {
    int64_t left = w->headDim - d;
    if (w->pair == 1) {
        return v_load_run(x + d, left);
    }
    vf high = left > VL ? v_load_run(x + d + VL, left - VL) : v_zero();
    return v_pair_bf16(v_load_run(x + d, left), high);
}

void pack_keys(struct work *w, const float *k, int64_t ldk, int64_t at, int64_t tokens) {
    char *to = w->keys + (at / BLOCK * BLOCK * w->keySteps + at % BLOCK) * 4;
    for (int64_t step = 0; step < w->keySteps; step += VL) {
        vf m[VL];
        UNROLL
        for (int i = 0; i < VL; i++) {
            m[i] = i < tokens ? words(w, k + i * ldk, step * w->pair) : v_zero();
        }
        v_transpose(m);
        for (int64_t j = 0; j < min_i64(VL, w->keySteps - step); j++) {
            v_store(to + (step + j) * BLOCK * 4, m[j]);
        }
    }
}

void pack_values(struct work *w, const float *v, int64_t ldv, int64_t at, int64_t tokens) {
    for (int64_t t = 0; t < tokens; t += w->pair, v += w->pair * ldv) {
        int64_t step = (at + t) / w->pair;
        for (int64_t d = 0; d < w->paddedDim; d += VL) {
            int64_t block = d / BLOCK * BLOCK, width = min_i64(BLOCK, w->paddedDim - block);
            int64_t left = max_i64(0, w->headDim - d);
            vf row = v_load_run(v + d, left);
            if (w->pair == 2) {
                row = v_zip_bf16(row, t + 1 < tokens ? v_load_run(v + ldv + d, left) : v_zero());
            }
            v_store(w->values + (block * RANGE / w->pair + step * width + d % BLOCK) * 4, row);
        }
    }
}
