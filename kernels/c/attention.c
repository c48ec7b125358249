// Attention with streaming softmax (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// Keys are taken in blocks of KEY_BLOCK that begin at multiples of it, in ascending order, and the
// sums inside a block have a fixed order. So a query's result does not depend on the queries it is
// processed with: decoding and prefill give the same bits.
//
// A unit is a set of up to MAX_QUERIES queries that share a key/value head. Blocks of keys and
// values are brought into the panel layout in float32 once for all of them, and then two tile
// products (see tile.h) give the scores and the weighted values.
#include "tile.h"
#include "vmath.h"

enum { MAX_QUERIES = 48, MAX_HEAD = 256, KEY_PANELS = KEY_BLOCK / PANEL };

// One unit's state, held once per thread: too much for the stack of a small one. Queries are packed in tiles, [headDim][rows of the tile] each.
struct work {
    int64_t headDim;
    int64_t paddedDim;           // rounded up to PANEL
    int64_t queries;
    float scale;
    int64_t type;                // of keys and values
    const char *keys[KEY_BLOCK];
    const char *values[KEY_BLOCK];
    int64_t limit[MAX_QUERIES];  // keys that the query attends to
    float largest[MAX_QUERIES];
    float total[MAX_QUERIES];
    float q[MAX_QUERIES * MAX_HEAD];
    float sums[MAX_QUERIES * MAX_HEAD];
    float scores[TILE_ROWS * KEY_BLOCK];
    float keyPanels[MAX_HEAD * KEY_BLOCK];
    float valuePanels[MAX_HEAD * KEY_BLOCK];
};

static _Thread_local struct work thread_work;

static int64_t size_of(int64_t type) { return type == DTYPE_F32 ? 4 : 2; }

// Up to VL elements from element d on of the `n` at p; zero past the end.
INLINE vf load_elements(int64_t type, const char *p, int64_t d, int64_t n) {
    int64_t left = n - d;
    if (type == DTYPE_F32) {
        return v_load_run((const float *)p + d, left);
    }
    const uint16_t *h = (const uint16_t *)p + d;
    if (type == DTYPE_BF16) {
        return left >= VL ? v_load_bf16(h) : v_load_bf16_part(h, left);
    }
    return left >= VL ? v_load_f16(h) : v_load_f16_part(h, left);
}

static void start_query(struct work *w, const float *q, int64_t limit) {
    int64_t i = w->queries++;
    w->limit[i] = limit;
    w->largest[i] = -__builtin_inff();
    w->total[i] = 0;
    memset(w->sums + i * w->paddedDim, 0, (size_t)w->paddedDim * 4);
    memcpy(w->q + i * w->headDim, q, (size_t)w->headDim * 4);
}

// Brings the rows of each tile, which start_query left one after the other, into tile order.
static void pack_queries(struct work *w) {
    float rows[TILE_ROWS * MAX_HEAD];
    for (int64_t first = 0; first < w->queries; first += TILE_ROWS) {
        int64_t n = min_i64(TILE_ROWS, w->queries - first);
        float *q = w->q + first * w->headDim;
        memcpy(rows, q, (size_t)(n * w->headDim) * 4);
        for (int64_t d = 0; d < w->headDim; d++) {
            for (int64_t i = 0; i < n; i++) {
                q[d * n + i] = rows[i * w->headDim + d];
            }
        }
    }
}

// Keys as panels [headDim][16 keys]; absent keys are zero.
static void pack_keys(struct work *w, int64_t count) {
    for (int64_t key = 0; key < ceil_div(count, PANEL) * PANEL; key += VL) {
        float *panel = w->keyPanels + key / PANEL * w->headDim * PANEL + key % PANEL;
        for (int64_t d = 0; d < w->headDim; d += VL) {
            vf m[VL];
            for (int64_t i = 0; i < VL; i++) {
                m[i] = key + i < count
                    ? load_elements(w->type, w->keys[key + i], d, w->headDim)
                    : v_zero();
            }
            v_transpose(m);
            for (int64_t j = 0; j < min_i64(VL, w->headDim - d); j++) {
                v_store(panel + (d + j) * PANEL, m[j]);
            }
        }
    }
}

// Values as panels [KEY_BLOCK][16 of headDim].
static void pack_values(struct work *w, int64_t count) {
    for (int64_t key = 0; key < count; key++) {
        for (int64_t d = 0; d < w->paddedDim; d += VL) {
            float *panel = w->valuePanels + d / PANEL * KEY_BLOCK * PANEL + d % PANEL;
            vf v = d < w->headDim ? load_elements(w->type, w->values[key], d, w->headDim)
                                  : v_zero();
            v_store(panel + key * PANEL, v);
        }
    }
}

// Turns the first `count` scores of query i into weights, and scales what it has by the change of
// the largest score.
static void update_softmax(struct work *w, int64_t i, float *scores, int64_t count) {
    const vf none = v_set(-__builtin_inff());
    vf top = none;
    for (int64_t t = 0; t < count; t += VL) {
        vf s = v_first(v_load(scores + t) * v_set(w->scale), count - t, none);
        v_store(scores + t, s);
        top = v_max(top, s);
    }
    float before = w->largest[i];
    float largest = v_largest(top);
    largest = largest > before ? largest : before;
    vf total = v_zero();
    for (int64_t t = 0; t < count; t += VL) {
        vf e = v_exp(v_load(scores + t) - v_set(largest));
        v_store(scores + t, e);
        total += e;
    }
    if (largest != before) {
        vf change = v_exp(v_set(before - largest));
        float *sums = w->sums + i * w->paddedDim;
        for (int64_t d = 0; d < w->paddedDim; d += VL) {
            v_store(sums + d, v_load(sums + d) * change);
        }
        float first[VL];
        v_store(first, change);
        w->total[i] *= first[0];
        w->largest[i] = largest;
    }
    w->total[i] += v_sum(total);
}

// The queries [first, first + n), one tile, meet the block of `count` keys from key `start` on.
static void attend_tile(struct work *w, int64_t first, int64_t n, int64_t start, int64_t count) {
    int64_t bound[TILE_ROWS], most = 0;
    for (int64_t i = 0; i < n; i++) {
        bound[i] = max_i64(0, min_i64(w->limit[first + i] - start, count));
        most = max_i64(most, bound[i]);
    }
    if (most == 0) {
        return;
    }
    tile_run(
        TILE_F32, n, ceil_div(most, PANEL), w->q + first * w->headDim, (const char *)w->keyPanels,
        w->headDim * PANEL_LINE, w->headDim, w->scores, KEY_BLOCK, 0);
    for (int64_t i = 0; i < n; i++) {
        if (bound[i] > 0) {
            update_softmax(w, first + i, w->scores + i * KEY_BLOCK, bound[i]);
        }
    }
    // Queries with the same bound go together. Each stops at its own: a later key must not count
    // even with weight zero, for its value may be infinite.
    for (int64_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && bound[next] == bound[i]; next++) {
        }
        if (bound[i] > 0) {
            tile_run(
                TILE_KEYS, next - i, w->paddedDim / PANEL, w->scores + i * KEY_BLOCK,
                (const char *)w->valuePanels, (int64_t)KEY_BLOCK * PANEL_LINE, bound[i],
                w->sums + (first + i) * w->paddedDim, w->paddedDim, 1);
        }
    }
}

static void attend(struct work *w, int64_t start, int64_t count) {
    pack_keys(w, count);
    pack_values(w, count);
    for (int64_t first = 0; first < w->queries; first += TILE_ROWS) {
        attend_tile(w, first, min_i64(TILE_ROWS, w->queries - first), start, count);
    }
}

static void finish_query(const struct work *w, int64_t i, float *out) {
    const float *sums = w->sums + i * w->paddedDim;
    vf inverse = v_set(1.0f / w->total[i]);
    for (int64_t d = 0; d < w->headDim; d += VL) {
        v_store_run(out + d, v_load(sums + d) * inverse, w->headDim - d);
    }
}

static void init_work(struct work *w, int64_t headDim, double scale, int64_t type) {
    w->headDim = headDim;
    w->paddedDim = ceil_div(headDim, PANEL) * PANEL;
    w->queries = 0;
    w->scale = (float)scale;
    w->type = type;
}

// Query heads of one key/value head that a unit takes together, and the rows it takes.
static int64_t heads_together(const struct PagedAttention *a) {
    int64_t group = a->heads / a->kvHeads;
    return ceil_div(group, ceil_div(group, MAX_QUERIES));
}

static int64_t rows_together(const struct PagedAttention *a) {
    return MAX_QUERIES / heads_together(a);
}

// Rows [row, end) of one sequence, query heads [head, headEnd).
static void attend_sequence(
    const struct PagedAttention *a, struct work *w, int64_t row, int64_t end, int64_t head,
    int64_t headEnd) {
    int64_t bytes = a->headDim * size_of(a->cacheType);
    int64_t kvHead = head / (a->heads / a->kvHeads);
    const char *const *pages = a->pages + a->sequence[row] * a->maxPages;
    int64_t keys = 0;
    init_work(w, a->headDim, a->scale, a->cacheType);
    for (int64_t r = row; r < end; r++) {
        int64_t limit = (int64_t)a->slot[r] + 1;
        keys = max_i64(keys, limit);
        for (int64_t h = head; h < headEnd; h++) {
            start_query(w, a->q + r * a->ldq + h * a->headDim, limit);
        }
    }
    pack_queries(w);
    for (int64_t start = 0; start < keys; start += KEY_BLOCK) {
        int64_t count = min_i64(KEY_BLOCK, keys - start);
        for (int64_t i = 0; i < count; i++) {
            int64_t t = start + i;
            int64_t place = (kvHead * a->pageTokens + t % a->pageTokens) * bytes;
            w->keys[i] = pages[t / a->pageTokens] + a->kOffset + place;
            w->values[i] = pages[t / a->pageTokens] + a->vOffset + place;
        }
        attend(w, start, count);
    }
    int64_t i = 0;
    for (int64_t r = row; r < end; r++) {
        for (int64_t h = head; h < headEnd; h++) {
            finish_query(w, i++, a->out + r * a->ldo + h * a->headDim);
        }
    }
}

UNITS(PagedAttention, PagedAttention) {
    int64_t group = a->heads / a->kvHeads;
    return ceil_div(ROW_COUNT(a), rows_together(a)) * a->kvHeads
        * ceil_div(group, heads_together(a));
}

KERNEL(PagedAttention, PagedAttention) {
    struct work *w = &thread_work;
    int64_t group = a->heads / a->kvHeads;
    int64_t together = heads_together(a);
    int64_t parts = ceil_div(group, together);
    int64_t rows = ROW_COUNT(a);
    for (int64_t u = begin; u < end; u++) {
        int64_t kvHead = u / parts % a->kvHeads;
        int64_t head = kvHead * group + u % parts * together;
        int64_t headEnd = min_i64(head + together, (kvHead + 1) * group);
        int64_t row = u / parts / a->kvHeads * rows_together(a);
        int64_t last = min_i64(row + rows_together(a), rows);
        while (row < last) {
            int64_t next = row + 1;
            while (next < last && a->sequence[next] == a->sequence[row]) {
                next++;
            }
            attend_sequence(a, w, row, next, head, headEnd);
            row = next;
        }
    }
}

static int64_t query_parts(const struct Attention *a) {
    return ceil_div(a->queryLength, MAX_QUERIES);
}

UNITS(Attention, Attention) { return ROW_COUNT(a) * a->heads * query_parts(a); }

KERNEL(Attention, Attention) {
    struct work *w = &thread_work;
    int64_t parts = query_parts(a);
    for (int64_t u = begin; u < end; u++) {
        int64_t segment = u / parts / a->heads;
        int64_t head = u / parts % a->heads;
        int64_t kvHead = head / (a->heads / a->kvHeads);
        int64_t row = segment * a->queryLength + u % parts * a->queryLength / parts;
        int64_t last = segment * a->queryLength + (u % parts + 1) * a->queryLength / parts;
        init_work(w, a->headDim, a->scale, DTYPE_F32);
        for (int64_t r = row; r < last; r++) {
            start_query(w, a->q + r * a->ldq + head * a->headDim, a->keyLength);
        }
        pack_queries(w);
        for (int64_t start = 0; start < a->keyLength; start += KEY_BLOCK) {
            int64_t count = min_i64(KEY_BLOCK, a->keyLength - start);
            for (int64_t i = 0; i < count; i++) {
                int64_t key = segment * a->keyLength + start + i;
                w->keys[i] = (const char *)(a->k + key * a->ldk + kvHead * a->headDim);
                w->values[i] = (const char *)(a->v + key * a->ldv + kvHead * a->headDim);
            }
            attend(w, start, count);
        }
        for (int64_t r = row; r < last; r++) {
            finish_query(w, r - row, a->out + r * a->ldo + head * a->headDim);
        }
    }
}
