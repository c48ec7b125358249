// Causal attention over a paged cache; see attention.h. A unit is some rows of one sequence and the
// query heads of one key/value head. Where there are few of those and many keys it is that for one
// range of keys, and PagedAttentionMerge puts the ranges together.
#include "attention.h"

// What a unit takes: rows [row, end) of one sequence.
struct rows {
    int64_t row, end;
};

// How the work is split at the lengths that hold now.
struct split {
    int64_t groups;  // pieces of the query heads of one key/value head
    int64_t heads;   // query heads of a piece, at most
    int64_t blocks;  // units of the key/value heads; several heads are one stream in memory
    int64_t ranges;  // units of the keys; 1 where a unit takes all
    int64_t units;   // of each piece of the rows
};

// OUT_AHEAD is the number of queries ahead of which the memory of results is asked for.
enum { ENOUGH_UNITS = 8, OUT_AHEAD = 8 };

// The rows from `row` on that one unit takes.
static struct rows rows_from(const struct PagedAttention *a, const struct split *s, int64_t row) {
    struct rows r = {row, row + 1};
    int64_t last = min_i64(ROW_COUNT(a), row + MAX_QUERIES / s->heads);
    while (r.end < last && a->sequence[r.end] == a->sequence[row]) {
        r.end++;
    }
    return r;
}

static struct split split_of(const struct PagedAttention *a) {
    struct split s;
    int64_t group = a->heads / a->kvHeads, longest = 0, pieces = 0, single = 1;
    s.groups = ceil_div(group, MAX_QUERIES);
    s.heads = ceil_div(group, s.groups);
    for (int64_t row = 0; row < ROW_COUNT(a); pieces++) {
        struct rows r = rows_from(a, &s, row);
        single &= r.end == row + 1;
        for (; row < r.end; row++) {
            longest = max_i64(longest, a->slot[row]);
        }
    }
    s.ranges = a->scratch ? longest / RANGE + 1 : 1;
    s.blocks = single && a->heads <= MAX_QUERIES && a->cacheType != DTYPE_Q8
        ? min_i64(a->kvHeads, ceil_div(ENOUGH_UNITS, max_i64(1, pieces * s.ranges)))
        : a->kvHeads;
    s.units = s.groups * s.blocks * s.ranges;
    return s;
}

static int64_t ranges_of(const struct PagedAttention *a) {
    return ceil_div(a->maxPages * a->pageTokens, RANGE);
}

static int64_t part_floats(const struct PagedAttention *a) {
    return PART_SUMS + padded(a->headDim);
}

static float *part_of(const struct PagedAttention *a, int64_t row, int64_t head, int64_t range) {
    int64_t index = (row * a->heads + head) * ranges_of(a) + range;
    return (float *)a->scratch + index * part_floats(a);
}

static int64_t first_token(const struct PagedAttention *a, int64_t row) {
    return a->window > 0 ? max_i64(0, a->slot[row] + 1 - a->window) : 0;
}

// Bytes of a page's keys and of its values of one head.
static int64_t key_bytes(const struct PagedAttention *a, const struct work *w) {
    return padded(a->pageTokens) * w->keySteps * 4;
}

static int64_t value_bytes(const struct PagedAttention *a, const struct work *w) {
    return a->pageTokens / w->pair * w->paddedDim * 4;
}

// Tokens of range `index` that lie before `end`.
static void find_range(
    const struct PagedAttention *a, const struct work *w, int64_t sequence, int64_t index,
    int64_t end, struct range *range) {
    range->first = index * RANGE;
    range->runs = 0;
    int64_t stop = min_i64(end, range->first + RANGE);
    for (int64_t token = range->first; token < stop;) {
        struct run *run = range->run + range->runs++;
        const char *page = a->pages[sequence * a->maxPages + token / a->pageTokens];
        int64_t at = token % a->pageTokens, block = at / BLOCK * BLOCK;
        int64_t width = min_i64(BLOCK, padded(a->pageTokens) - block);
        int64_t last = min_i64(block + BLOCK, a->pageTokens);
        run->tokens = min_i64(last - at, range->first + RANGE - token);
        run->keys = page + a->kOffset + (block * w->keySteps + at - block) * 4;
        run->keyStride = width * 4;
        run->values = page + a->vOffset + at / w->pair * min_i64(BLOCK, w->paddedDim) * 4;
        run->valueTokens = a->pageTokens;
        token += run->tokens;
    }
}

// A row of Q8 blocks as floats, of which there are whole vectors.
INLINE void widen_row(const char *blocks, int64_t headDim, float *out) {
    for (int64_t d = 0; d < headDim; d += Q8_ELEMENTS, blocks += Q8_BYTES) {
        uint16_t bits[VL] = {0};
        float scale[VL];
        memcpy(bits, blocks, 2);
        v_store(scale, v_load_f16(bits));
        for (int i = 0; i < Q8_ELEMENTS; i++) {
            out[d + i] = (float)(int8_t)blocks[2 + i] * scale[0];
        }
    }
}

// Unpacks the tokens of range `index` that lie before `end` for one head of a Q8 cache.
static void unpack_range(
    const struct PagedAttention *a, struct work *w, int64_t sequence, int64_t kvHead,
    int64_t index, int64_t end, struct range *range) {
    float keys[VL * MAX_HEAD], values[VL * MAX_HEAD];
    int64_t count = min_i64(RANGE, end - index * RANGE), bytes = q8_bytes(a->headDim);
    start_packed(w, index * RANGE, count, range);
    for (int64_t t = 0; t < count; t += VL) {
        int64_t tokens = min_i64(VL, count - t);
        for (int64_t i = 0; i < tokens; i++) {
            int64_t token = index * RANGE + t + i;
            const char *page = a->pages[sequence * a->maxPages + token / a->pageTokens];
            int64_t row = (kvHead * a->pageTokens + token % a->pageTokens) * bytes;
            widen_row(page + a->kOffset + row, a->headDim, keys + i * MAX_HEAD);
            widen_row(page + a->vOffset + row, a->headDim, values + i * MAX_HEAD);
        }
        pack_keys(w, keys, MAX_HEAD, t, tokens);
        pack_values(w, values, MAX_HEAD, t, tokens);
    }
}

// A unit: rows of one sequence, a piece of the query heads of some key/value heads, some ranges.
struct unit {
    struct rows rows;
    int64_t headBegin, headEnd;    // among the query heads of each key/value head
    int64_t kvBegin, kvEnd;
    int64_t rangeBegin, rangeEnd;
    int parts;
};

static void add_queries(
    const struct PagedAttention *a, struct work *w, const struct unit *u, int64_t kvHead) {
    int64_t group = a->heads / a->kvHeads, before = w->queries;
    for (int64_t r = u->rows.row; r < u->rows.end; r++) {
        for (int64_t h = kvHead * group + u->headBegin; h < kvHead * group + u->headEnd; h++) {
            add_query(w, a->q + r * a->ldq + h * a->headDim, first_token(a, r), a->slot[r] + 1);
            if (u->parts) {
                w->parts[w->queries - 1] = part_of(a, r, h, u->rangeBegin);
            }
        }
    }
    int64_t place = a->cacheType == DTYPE_Q8 ? 0 : kvHead;
    add_tiles(w, before, place * key_bytes(a, w), place * value_bytes(a, w));
}

// Ranges [begin, end) of the tokens before `to`.
static void attend_pages(
    const struct PagedAttention *a, const struct unit *u, int64_t begin, int64_t end, int64_t to) {
    struct work *w = work_of_thread();
    struct range ranges[2];
    int64_t sequence = a->sequence[u->rows.row];
    int together = u->rows.end == u->rows.row + 1;
    find_range(a, w, sequence, begin, to, ranges + begin % 2);
    for (int64_t i = begin; i < end; i++) {
        find_range(a, w, sequence, i + 1, to, ranges + (i + 1) % 2);
        attend_range(w, ranges + i % 2, ranges + (i + 1) % 2, together);
    }
}

static void attend_unpacked(
    const struct PagedAttention *a, const struct unit *u, int64_t begin, int64_t end, int64_t to) {
    struct work *w = work_of_thread();
    for (int64_t i = begin; i < end; i++) {
        struct range range;
        unpack_range(a, w, a->sequence[u->rows.row], u->kvBegin, i, to, &range);
        attend_range(w, &range, 0, 0);
    }
}

// Where the result of a query goes.
static float *out_of(const struct PagedAttention *a, const struct work *w, int64_t query) {
    int64_t at = w->query[query] - a->q;
    return a->out + at / a->ldq * a->ldo + at % a->ldq;
}

static void attend(const struct PagedAttention *a, const struct unit *u) {
    struct work *w = work_of_thread();
    start_queries(w, a->headDim, a->scale, a->cacheType, a->compute);
    for (int64_t kvHead = u->kvBegin; kvHead < u->kvEnd; kvHead++) {
        add_queries(a, w, u, kvHead);
    }
    int64_t from = INT64_MAX, to = 0;
    for (int64_t i = 0; i < w->queries; i++) {
        from = min_i64(from, w->from[i]);
        to = max_i64(to, w->to[i]);
    }
    int64_t begin = max_i64(u->rangeBegin, from / RANGE);
    int64_t end = min_i64(u->rangeEnd, ceil_div(to, RANGE));
    if (a->cacheType == DTYPE_Q8) {
        attend_unpacked(a, u, begin, end, to);
    } else {
        attend_pages(a, u, begin, end, to);
    }
    for (int64_t i = 0; i < w->queries && !u->parts; i++) {
        if (i + OUT_AHEAD < w->queries) {
            float *out = out_of(a, w, i + OUT_AHEAD);
            for (int64_t d = 0; d < a->headDim; d += PANEL) {
                __builtin_prefetch(out + d, 1);
            }
        }
        finish_sums(w->sums + i * w->paddedDim, w->total[i], a->headDim, out_of(a, w, i));
    }
}

UNITS(PagedAttention, PagedAttention) {
    struct split s = split_of(a);
    int64_t units = 0;
    for (int64_t row = 0; row < ROW_COUNT(a); row = rows_from(a, &s, row).end) {
        units += s.units;
    }
    return units;
}

// In the order of units the heads come first, then the ranges, then the rows.
KERNEL(PagedAttention, PagedAttention) {
    struct split s = split_of(a);
    int64_t group = a->heads / a->kvHeads, passed = 0;
    struct unit u = {.rows = rows_from(a, &s, 0), .parts = s.ranges > 1};
    for (int64_t i = begin; i < end; i++) {
        while (i >= passed + s.units) {
            u.rows = rows_from(a, &s, u.rows.end);
            passed += s.units;
        }
        int64_t block = i % s.blocks, piece = i / s.blocks % s.groups;
        u.kvBegin = block * a->kvHeads / s.blocks;
        u.kvEnd = (block + 1) * a->kvHeads / s.blocks;
        u.headBegin = piece * group / s.groups;
        u.headEnd = (piece + 1) * group / s.groups;
        u.rangeBegin = u.parts ? (i - passed) / s.blocks / s.groups : 0;
        u.rangeEnd = u.parts ? u.rangeBegin + 1 : INT64_MAX;
        attend(a, &u);
    }
}

UNITS(PagedAttentionMerge, PagedAttention) {
    return split_of(a).ranges > 1 ? ROW_COUNT(a) * a->kvHeads : 0;
}

KERNEL(PagedAttentionMerge, PagedAttention) {
    _Alignas(64) float sums[MAX_HEAD];
    int64_t group = a->heads / a->kvHeads;
    for (int64_t u = begin; u < end; u++) {
        int64_t row = u / a->kvHeads;
        for (int64_t h = u % a->kvHeads * group; h < (u % a->kvHeads + 1) * group; h++) {
            float largest = -__builtin_inff(), total = 0;
            memset(sums, 0, sizeof sums);
            for (int64_t i = first_token(a, row) / RANGE; i <= a->slot[row] / RANGE; i++) {
                const float *part = part_of(a, row, h, i);
                merge_part(
                    padded(a->headDim), part[0], part[1], part + PART_SUMS, &largest, &total, sums);
            }
            finish_sums(sums, total, a->headDim, a->out + row * a->ldo + h * a->headDim);
        }
    }
}
