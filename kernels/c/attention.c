// Attention with streaming softmax (Milakov and Gimelshein 2018; Dao et al. 2022).
//
// Keys are taken in blocks of KEY_BLOCK that begin at multiples of it, in ascending order, and the
// sums inside a block have a fixed order. So a query's result does not depend on the queries it is
// processed with: decoding and prefill give the same bits.
//
// A unit is a set of up to MAX_QUERIES queries that share a key/value head. Blocks of keys and
// values are brought into panels once for all of them, and then two tile products (see tile.h) give
// the scores and the weighted values. Scores are in units of ln 2, so that the softmax is one of
// powers of two.
#include "panel.h"
#include "tile.h"
#include "vmath.h"

// One tile of queries takes a block's keys, and then its values, KEY_GROUP at a time, so that they
// stay in the first-level cache; more tiles share the packing of the whole block.
enum { MAX_QUERIES = 96, MAX_HEAD = 256, KEY_GROUP = PANEL };

// Where the keys and values of a block are.
struct block {
    int64_t count;
    const char *keys[KEY_BLOCK];
    const char *values[KEY_BLOCK];
};

// One unit's state, held once per thread: too much for the stack of a small one.
struct work {
    int64_t headDim;
    int64_t paddedDim;           // rounded up to PANEL
    int64_t depth;               // of a packed query: even if keys are pairs
    int64_t type;                // of keys and values
    float scale;
    int64_t queries;
    const float *query[MAX_QUERIES];
    int64_t limit[MAX_QUERIES];  // keys that the query attends to
    float largest[MAX_QUERIES];
    float total[MAX_QUERIES];
    struct block blocks[2];      // block b is at b % 2
    _Alignas(64) float q[MAX_QUERIES * MAX_HEAD];  // tiles, [depth][rows of the tile] each
    _Alignas(64) float sums[MAX_QUERIES * MAX_HEAD];
    _Alignas(64) float scores[MAX_QUERIES * KEY_BLOCK];
    _Alignas(64) char keyPanels[KEY_BLOCK * MAX_HEAD * 4];  // in the cache's type
    _Alignas(64) float valueRows[KEY_BLOCK * MAX_HEAD];     // [KEY_BLOCK][paddedDim]
};

// The compiler must not know where the pointer is from, or it asks for the address again and again.
static struct work *work_of_thread(void) {
    static _Thread_local struct work work;
    struct work *w = &work;
    __asm__ volatile("" : "+r"(w));
    return w;
}

static int64_t size_of(int64_t type) { return type == DTYPE_F32 ? 4 : 2; }

static void start(struct work *w, int64_t headDim, double scale, int64_t type) {
    w->headDim = headDim;
    w->paddedDim = ceil_div(headDim, PANEL) * PANEL;
    w->depth = type == DTYPE_F32 ? headDim : ceil_div(headDim, 2) * 2;
    w->type = type;
    w->scale = (float)(scale * 1.4426950408889634);
    w->queries = 0;
}

static void add_query(struct work *w, const float *q, int64_t limit) {
    int64_t i = w->queries++;
    w->query[i] = q;
    w->limit[i] = limit;
    w->largest[i] = -__builtin_inff();
    w->total[i] = 0;
    memset(w->sums + i * w->paddedDim, 0, (size_t)w->paddedDim * 4);
}

static void pack_queries(struct work *w) {
    for (int64_t first = 0; first < w->queries; first += TILE_ROWS) {
        int64_t rows = min_i64(TILE_ROWS, w->queries - first);
        for (int64_t d = 0; d < w->depth; d += VL) {
            vf m[VL];
            UNROLL
            for (int i = 0; i < VL; i++) {
                m[i] = v_zero();
                if (i < rows && d < w->headDim) {
                    m[i] = v_load_run(w->query[first + i] + d, w->headDim - d) * v_set(w->scale);
                }
            }
            tile_store(w->q + first * w->depth, rows, w->depth, d, m);
        }
    }
}

static int64_t key_panel_bytes(const struct work *w) {
    return w->depth * size_of(w->type) * PANEL;
}

// Into the second-level cache: the processor can't foresee the jumps between pages and heads.
INLINE void prefetch(const char *p, int64_t bytes) {
    for (int64_t i = 0; i < bytes; i += 64) {
        __builtin_prefetch(p + i, 0, 2);
    }
}

// Keys [from, to) of a block, while those of the next one are fetched.
static void pack_keys(
    struct work *w, const struct block *b, const struct block *next, int64_t from, int64_t to) {
    int64_t bytes = w->headDim * size_of(w->type);
    for (int64_t i = from; i < min_i64(to, next->count); i++) {
        prefetch(next->keys[i], bytes);
    }
    for (int64_t i = from; i < to; i += PANEL) {
        panel_pack(
            b->keys + i, min_i64(PANEL, to - i), bytes,
            w->keyPanels + (i - from) / PANEL * key_panel_bytes(w));
    }
}

INLINE vf widened(const int64_t type, const char *p, int64_t d) {
    const uint16_t *h = (const uint16_t *)p + d;
    return type == DTYPE_F32 ? v_load((const float *)p + d)
        : type == DTYPE_F16  ? v_load_f16(h)
                             : v_load_bf16(h);
}

INLINE vf widened_part(const int64_t type, const char *p, int64_t d, int64_t n) {
    const uint16_t *h = (const uint16_t *)p + d;
    return type == DTYPE_F32 ? v_load_part((const float *)p + d, n)
        : type == DTYPE_F16  ? v_load_f16_part(h, n)
                             : v_load_bf16_part(h, n);
}

INLINE void widen_value(const struct work *w, const int64_t type, const char *value, float *row) {
    int64_t d = 0;
    for (; d + VL <= w->headDim; d += VL) {
        v_store(row + d, widened(type, value, d));
    }
    for (; d < w->paddedDim; d += VL) {
        v_store(row + d, widened_part(type, value, d, max_i64(0, w->headDim - d)));
    }
}

// Values [from, to) of a block, while those of the next one are fetched.
static void pack_values(
    struct work *w, const struct block *b, const struct block *next, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) {
        if (i < next->count) {
            prefetch(next->values[i], w->headDim * size_of(w->type));
        }
        float *row = w->valueRows + (i - from) * w->paddedDim;
        switch (w->type) {
            case DTYPE_F32: widen_value(w, DTYPE_F32, b->values[i], row); break;
            case DTYPE_BF16: widen_value(w, DTYPE_BF16, b->values[i], row); break;
            default: widen_value(w, DTYPE_F16, b->values[i], row);
        }
    }
}

// Turns the first `count` scores of query i into weights, and scales what it has by the change of
// the largest score.
static void update_softmax(struct work *w, int64_t i, float *scores, int64_t count) {
    const vf none = v_set(-__builtin_inff());
    int64_t whole = count / VL * VL;
    if (whole < count) {
        v_store(scores + whole, v_first(v_load(scores + whole), count - whole, none));
    }
    vf top = none;
    for (int64_t t = 0; t < count; t += VL) {
        top = v_max(top, v_load(scores + t));
    }
    float before = w->largest[i];
    float largest = v_largest(top);
    largest = largest > before ? largest : before;
    vf total = v_zero();
    for (int64_t t = 0; t < count; t += VL) {
        vf e = v_exp2_negative(v_load(scores + t) - v_set(largest));
        v_store(scores + t, e);
        total += e;
    }
    if (largest != before) {
        float change[VL];
        vf c = v_exp2_negative(v_set(before - largest));
        v_store(change, c);
        float *sums = w->sums + i * w->paddedDim;
        for (int64_t d = 0; d < w->paddedDim; d += VL) {
            v_store(sums + d, v_load(sums + d) * c);
        }
        w->total[i] *= change[0];
        w->largest[i] = largest;
    }
    w->total[i] += v_sum(total);
}

// How many of the `count` keys from key `key` on query i attends to.
static int64_t bound(const struct work *w, int64_t i, int64_t key, int64_t count) {
    return max_i64(0, min_i64(w->limit[i] - key, count));
}

// Scores of the tile that starts with query `first` for the packed keys, `count` from key `key` on.
static void score(struct work *w, int64_t first, int64_t key, int64_t count, float *scores) {
    int64_t rows = min_i64(TILE_ROWS, w->queries - first), most = 0;
    for (int64_t i = 0; i < rows; i++) {
        most = max_i64(most, bound(w, first + i, key, count));
    }
    enum tile_kind kind = w->type == DTYPE_F32 ? TILE_F32
        : w->type == DTYPE_F16                 ? TILE_F16
                                               : TILE_BF16;
    tile_run(
        kind, rows, ceil_div(most, PANEL), TILE_PANELS, w->q + first * w->depth, w->keyPanels,
        key_panel_bytes(w), key_panel_bytes(w) / PANEL_LINE, scores, KEY_BLOCK, 0);
}

// Adds the packed values, weighted, to the sums of a tile. Queries with the same bound go together.
// Each stops at its own: a later key must not count even with weight zero, for its value may be
// infinite.
static void add_values(
    struct work *w, int64_t first, int64_t key, int64_t count, const float *weights) {
    int64_t end = min_i64(first + TILE_ROWS, w->queries);
    for (int64_t i = first, next; i < end; i = next) {
        int64_t steps = bound(w, i, key, count);
        for (next = i + 1; next < end && bound(w, next, key, count) == steps; next++) {
        }
        if (steps > 0) {
            tile_run(
                TILE_KEYS, next - i, w->paddedDim / PANEL, TILE_PANELS,
                weights + (i - first) * KEY_BLOCK, (const char *)w->valueRows, w->paddedDim * 4,
                steps, w->sums + i * w->paddedDim, w->paddedDim, 1);
        }
    }
}

// All queries meet the block of keys from key `key` on; the next one, maybe empty, follows it.
static void attend(struct work *w, int64_t key) {
    const struct block *b = &w->blocks[key / KEY_BLOCK % 2];
    const struct block *next = &w->blocks[(key / KEY_BLOCK + 1) % 2];
    int64_t group = w->queries <= TILE_ROWS ? KEY_GROUP : KEY_BLOCK;
    for (int64_t from = 0; from < b->count; from += group) {
        int64_t to = min_i64(from + group, b->count);
        pack_keys(w, b, next, from, to);
        for (int64_t q = 0; q < w->queries; q += TILE_ROWS) {
            score(w, q, key + from, to - from, w->scores + q * KEY_BLOCK + from);
        }
    }
    for (int64_t q = 0; q < w->queries; q++) {
        int64_t keys = bound(w, q, key, b->count);
        if (keys > 0) {
            update_softmax(w, q, w->scores + q * KEY_BLOCK, keys);
        }
    }
    for (int64_t from = 0; from < b->count; from += group) {
        int64_t to = min_i64(from + group, b->count);
        pack_values(w, b, next, from, to);
        for (int64_t q = 0; q < w->queries; q += TILE_ROWS) {
            add_values(w, q, key + from, to - from, w->scores + q * KEY_BLOCK + from);
        }
    }
}

static void finish_query(const struct work *w, int64_t i, float *out) {
    const float *sums = w->sums + i * w->paddedDim;
    vf inverse = v_set(1.0f / w->total[i]);
    for (int64_t d = 0; d < w->headDim; d += VL) {
        v_store_run(out + d, v_load(sums + d) * inverse, w->headDim - d);
    }
}

// Query heads of one key/value head that a unit takes together, and the rows it takes.
static int64_t heads_together(const struct PagedAttention *a) {
    int64_t group = a->heads / a->kvHeads;
    return ceil_div(group, ceil_div(group, MAX_QUERIES));
}

static int64_t rows_together(const struct PagedAttention *a) {
    return MAX_QUERIES / heads_together(a);
}

// Finds the block from key `key` on, of `keys` in all.
static void find_in_pages(
    const struct PagedAttention *a, struct work *w, int64_t sequence, int64_t kvHead, int64_t key,
    int64_t keys) {
    struct block *b = &w->blocks[key / KEY_BLOCK % 2];
    b->count = max_i64(0, min_i64(KEY_BLOCK, keys - key));
    int64_t bytes = a->headDim * size_of(a->cacheType);
    int64_t page = key / a->pageTokens, token = key % a->pageTokens;
    for (int64_t i = 0; i < b->count; i++) {
        const char *p = a->pages[sequence * a->maxPages + page];
        int64_t place = (kvHead * a->pageTokens + token) * bytes;
        b->keys[i] = p + a->kOffset + place;
        b->values[i] = p + a->vOffset + place;
        if (++token == a->pageTokens) {
            token = 0;
            page++;
        }
    }
}

// Rows [row, end) of one sequence, query heads [head, headEnd).
static void attend_sequence(
    const struct PagedAttention *a, struct work *w, int64_t row, int64_t end, int64_t head,
    int64_t headEnd) {
    int64_t kvHead = head / (a->heads / a->kvHeads);
    int64_t keys = 0;
    start(w, a->headDim, a->scale, a->cacheType);
    for (int64_t r = row; r < end; r++) {
        int64_t limit = (int64_t)a->slot[r] + 1;
        keys = max_i64(keys, limit);
        for (int64_t h = head; h < headEnd; h++) {
            add_query(w, a->q + r * a->ldq + h * a->headDim, limit);
        }
    }
    pack_queries(w);
    find_in_pages(a, w, a->sequence[row], kvHead, 0, keys);
    for (int64_t key = 0; key < keys; key += KEY_BLOCK) {
        find_in_pages(a, w, a->sequence[row], kvHead, key + KEY_BLOCK, keys);
        attend(w, key);
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
    struct work *w = work_of_thread();
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

// Finds the block from key `key` on.
static void find_in_segment(
    const struct Attention *a, struct work *w, int64_t segment, int64_t kvHead, int64_t key) {
    struct block *b = &w->blocks[key / KEY_BLOCK % 2];
    b->count = max_i64(0, min_i64(KEY_BLOCK, a->keyLength - key));
    for (int64_t i = 0; i < b->count; i++) {
        int64_t row = segment * a->keyLength + key + i;
        b->keys[i] = (const char *)(a->k + row * a->ldk + kvHead * a->headDim);
        b->values[i] = (const char *)(a->v + row * a->ldv + kvHead * a->headDim);
    }
}

static int64_t query_parts(const struct Attention *a) {
    return ceil_div(a->queryLength, MAX_QUERIES);
}

UNITS(Attention, Attention) { return ROW_COUNT(a) * a->heads * query_parts(a); }

KERNEL(Attention, Attention) {
    struct work *w = work_of_thread();
    int64_t parts = query_parts(a);
    for (int64_t u = begin; u < end; u++) {
        int64_t segment = u / parts / a->heads;
        int64_t head = u / parts % a->heads;
        int64_t kvHead = head / (a->heads / a->kvHeads);
        int64_t row = segment * a->queryLength + u % parts * a->queryLength / parts;
        int64_t last = segment * a->queryLength + (u % parts + 1) * a->queryLength / parts;
        start(w, a->headDim, a->scale, DTYPE_F32);
        for (int64_t r = row; r < last; r++) {
            add_query(w, a->q + r * a->ldq + head * a->headDim, a->keyLength);
        }
        pack_queries(w);
        find_in_segment(a, w, segment, kvHead, 0);
        for (int64_t key = 0; key < a->keyLength; key += KEY_BLOCK) {
            find_in_segment(a, w, segment, kvHead, key + KEY_BLOCK);
            attend(w, key);
        }
        for (int64_t r = row; r < last; r++) {
            finish_query(w, r - row, a->out + r * a->ldo + head * a->headDim);
        }
    }
}
