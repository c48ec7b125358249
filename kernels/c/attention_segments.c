// Full attention inside segments; see attention.h. A unit is one head and up to MAX_QUERIES rows of
// one segment. It brings the keys and values of each range into the form of a cache's pages, in
// bfloat16 where products are.
#include "attention.h"

// Packs range `index` of a segment whose keys and values begin at k and v.
static void pack_range(
    const struct Attention *a, struct work *w, const float *k, const float *v, int64_t index,
    struct range *range) {
    int64_t count = min_i64(RANGE, a->keyLength - index * RANGE);
    start_packed(w, index * RANGE, count, range);
    for (int64_t t = 0; t < count; t += VL) {
        int64_t tokens = min_i64(VL, count - t);
        pack_keys(w, k + (range->first + t) * a->ldk, a->ldk, t, tokens);
        pack_values(w, v + (range->first + t) * a->ldv, a->ldv, t, tokens);
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
