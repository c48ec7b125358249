// Full attention inside segments; see attention.h. A unit is one head and up to MAX_QUERIES rows of
// one segment. It brings the keys and values of each range into the form of a cache's pages, in
// bfloat16 where products are.
#include "attention.h"

// VL words of row `x` from element d on: float32, or pairs of bfloat16.
INLINE vf words(const struct work *w, const float *x, int64_t d) {
    int64_t left = w->headDim - d;
    if (w->pair == 1) {
        return v_load_run(x + d, left);
    }
    vf high = left > VL ? v_load_run(x + d + VL, left - VL) : v_zero();
    return v_pair_bf16(v_load_run(x + d, left), high);
}

// The keys of up to VL tokens become columns of a block.
static void pack_keys(const struct work *w, const float *k, int64_t ldk, int64_t tokens, char *to) {
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

// The values of one step, a token or a pair of them.
static void pack_values(
    const struct work *w, const float *v, int64_t ldv, int64_t tokens, int64_t step, char *to) {
    for (int64_t d = 0; d < w->paddedDim; d += VL) {
        int64_t block = d / BLOCK * BLOCK, width = min_i64(BLOCK, w->paddedDim - block);
        int64_t left = max_i64(0, w->headDim - d);
        vf row = v_load_run(v + d, left);
        if (w->pair == 2) {
            row = v_zip_bf16(row, tokens > 1 ? v_load_run(v + ldv + d, left) : v_zero());
        }
        v_store(to + (block * RANGE / w->pair + step * width + d % BLOCK) * 4, row);
    }
}

// Packs range `index` of a segment whose keys and values begin at k and v.
static void pack_range(
    const struct Attention *a, struct work *w, const float *k, const float *v, int64_t index,
    struct range *range) {
    range->first = index * RANGE;
    range->runs = 0;
    int64_t count = min_i64(RANGE, a->keyLength - range->first);
    for (int64_t t = 0; t < count; t += BLOCK) {
        struct run *run = range->run + range->runs++;
        run->keys = w->keys + t * w->keySteps * 4;
        run->keyStride = BLOCK * 4;
        run->values = w->values + t / w->pair * min_i64(BLOCK, w->paddedDim) * 4;
        run->valueTokens = RANGE;
        run->tokens = min_i64(BLOCK, count - t);
    }
    for (int64_t t = 0; t < count; t += VL) {
        char *block = w->keys + t / BLOCK * BLOCK * w->keySteps * 4;
        pack_keys(
            w, k + (range->first + t) * a->ldk, a->ldk, count - t, block + t % BLOCK * 4);
    }
    for (int64_t t = 0; t < count; t += w->pair) {
        pack_values(
            w, v + (range->first + t) * a->ldv, a->ldv, count - t, t / w->pair, w->values);
    }
}

static int64_t query_parts(const struct Attention *a) {
    return ceil_div(a->queryLength, MAX_QUERIES);
}

UNITS(Attention, Attention) { return ROW_COUNT(a) * a->heads * query_parts(a); }

KERNEL(Attention, Attention) {
    struct work *w = work_of_thread();
    int64_t parts = query_parts(a);
    int64_t type = a->compute == COMPUTE_BF16 ? DTYPE_BF16 : DTYPE_F32;
    for (int64_t u = begin; u < end; u++) {
        int64_t segment = u / parts / a->heads, head = u / parts % a->heads;
        int64_t kvHead = head / (a->heads / a->kvHeads);
        int64_t row = segment * a->queryLength + u % parts * a->queryLength / parts;
        int64_t last = segment * a->queryLength + (u % parts + 1) * a->queryLength / parts;
        const float *k = a->k + segment * a->keyLength * a->ldk + kvHead * a->headDim;
        const float *v = a->v + segment * a->keyLength * a->ldv + kvHead * a->headDim;
        start_queries(w, a->headDim, a->scale, type, a->compute);
        for (int64_t r = row; r < last; r++) {
            add_query(w, a->q + r * a->ldq + head * a->headDim, 0, a->keyLength);
        }
        add_tiles(w, 0, 0, 0);
        for (int64_t i = 0; i < ceil_div(a->keyLength, RANGE); i++) {
            struct range range;
            pack_range(a, w, k, v, i, &range);
            attend_range(w, &range, 0, 0);
        }
        for (int64_t i = 0; i < w->queries; i++) {
            finish_sums(
                w->sums + i * w->paddedDim, w->total[i], a->headDim,
                a->out + (row + i) * a->ldo + head * a->headDim);
        }
    }
}
