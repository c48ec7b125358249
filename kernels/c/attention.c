// Attention in ranges of RANGE keys that begin at multiples of it: inside a range all scores, their
// largest, the weights and the weighted values; the results of the ranges are then merged in
// ascending order (streaming softmax, Milakov and Gimelshein 2018; Dao et al. 2022). So a query's
// result depends neither on the queries it is processed with nor on who processes which range:
// decoding and prefill give the same bits.
#include "attention.h"
#include "vmath.h"

// The compiler must not know where the pointer is from, or it asks for the address again and again.
struct work *work_of_thread(void) {
    static _Thread_local struct work work;
    struct work *w = &work;
    __asm__ volatile("" : "+r"(w));
    return w;
}

// Of the form that keys and values have when they are multiplied.
static enum tile_kind kind_of(int64_t type, int64_t compute) {
    if (type == DTYPE_F16) {
        return TILE_F16;
    }
    if (type == DTYPE_F32 || (type == DTYPE_Q8 && compute == COMPUTE_F32)) {
        return TILE_F32;
    }
#if defined(__AVX512BF16__)
    if (compute == COMPUTE_BF16) {
        return TILE_DOT;
    }
#endif
    return TILE_BF16;
}

void start_queries(
    struct work *w, int64_t headDim, double scale, int64_t type, int64_t compute) {
    w->kind = kind_of(type, compute);
    w->rounded = compute == COMPUTE_BF16 && w->kind != TILE_DOT;
    w->headDim = headDim;
    w->paddedDim = padded(headDim);
    w->pair = w->kind == TILE_F32 ? 1 : 2;
    w->keySteps = ceil_div(headDim, w->pair);
    w->scale = (float)(scale * 1.4426950408889634);
    w->queries = 0;
    w->tiles = 0;
}

void add_query(struct work *w, const float *q, int64_t from, int64_t to) {
    int64_t i = w->queries++;
    w->query[i] = q;
    w->from[i] = from;
    w->to[i] = to;
    w->parts[i] = 0;
    w->total[i] = 0;  // until a range has been taken
    for (int64_t d = 0; d < w->headDim; d += PANEL) {
        __builtin_prefetch(q + d);
    }
}

void merge_part(
    int64_t paddedDim, float partLargest, float partTotal, const float *part, float *largest,
    float *total, float *sums) {
    float top = partLargest > *largest ? partLargest : *largest;
    float factors[2][VL];
    vf old = v_exp2_negative(v_set(*largest - top));
    vf new = v_exp2_negative(v_set(partLargest - top));
    v_store(factors[0], old);
    v_store(factors[1], new);
    for (int64_t d = 0; d < paddedDim; d += VL) {
        v_store(sums + d, v_fma(v_load(sums + d), old, v_load(part + d) * new));
    }
    *total = *total * factors[0][0] + partTotal * factors[1][0];
    *largest = top;
}

// Elements of a left operand from element d on.
INLINE void store_left(const struct work *w, float *to, int64_t d, vf low, vf high) {
    if (w->kind == TILE_DOT) {
        v_store(to + d / 2, v_pair_bf16(low, high));
        return;
    }
    v_store(to + d, w->rounded ? v_round_bf16(low) : low);
    v_store(to + d + VL, w->rounded ? v_round_bf16(high) : high);
}

// The left operand of a tile's scores.
static void load_queries(struct work *w, const struct tile *tile) {
    for (int64_t i = tile->first; i < tile->first + tile->rows; i++) {
        for (int64_t d = 0; d < w->headDim; d += 2 * VL) {
            const float *q = w->query[i] + d;
            int64_t left = w->headDim - d;
            vf low = v_load_run(q, left);
            vf high = left > VL ? v_load_run(q + VL, left - VL) : v_zero();
            store_left(w, w->left + i * ROW_WORDS, d, low, high);
        }
    }
}

void add_tiles(struct work *w, int64_t first, int64_t keyOffset, int64_t valueOffset) {
    int64_t queries = w->queries - first, tiles = ceil_div(queries, TILE_ROWS);
    for (int64_t t = 0; t < tiles; t++) {
        int64_t begin = t * queries / tiles, end = (t + 1) * queries / tiles;
        struct tile *tile = w->tile + w->tiles++;
        *tile = (struct tile){first + begin, end - begin, keyOffset, valueOffset};
        load_queries(w, tile);
    }
}

// Turns the scores of tokens [from, to) of a row of the tile into weights, in place. Those around
// them that a vector or a pair reaches become zero. Returns the total.
static float weigh(struct work *w, float *scores, int64_t from, int64_t to, float *largest) {
    const vf none = v_set(-__builtin_inff());
    int64_t begin = from / (2 * VL) * (2 * VL), end = ceil_div(to, 2 * VL) * (2 * VL);
    for (int64_t t = begin; t < from; t++) {
        scores[t] = none[0];
    }
    for (int64_t t = to; t < end; t++) {
        scores[t] = none[0];
    }
    vf top0 = none, top1 = none;
    for (int64_t t = begin; t < end; t += 2 * VL) {
        top0 = v_max(top0, v_load(scores + t));
        top1 = v_max(top1, v_load(scores + t + VL));
    }
    *largest = v_largest(v_max(top0, top1)) * w->scale;
    vf scale = v_set(w->scale), shift = v_set(-*largest);
    vf total0 = v_zero(), total1 = v_zero();
    for (int64_t t = begin; t < end; t += 2 * VL) {
        vf low = v_exp2_negative(v_fma(v_load(scores + t), scale, shift));
        vf high = v_exp2_negative(v_fma(v_load(scores + t + VL), scale, shift));
        total0 += low;
        total1 += high;
        store_left(w, scores, t, low, high);
    }
    return v_sum(total0 + total1);
}

// The weight of one token.
static float weight(const struct work *w, const float *weights, int64_t token) {
    if (w->kind != TILE_DOT) {
        return weights[token];
    }
    uint32_t word;
    memcpy(&word, weights + token / 2, 4);
    word = token % 2 ? word & 0xffff0000 : word << 16;
    float f;
    memcpy(&f, &word, 4);
    return f;
}

// The tokens of a range that a query attends to, and those of them that are whole steps.
struct span {
    int64_t from, to, begin, end;
};

static struct span span_of(const struct work *w, int64_t query, int64_t first) {
    struct span s;
    s.from = max_i64(0, w->from[query] - first);
    s.to = min_i64(RANGE, w->to[query] - first);
    s.begin = ceil_div(s.from, w->pair) * w->pair;
    s.end = s.to / w->pair * w->pair;
    return s;
}

static int same(const struct span *a, const struct span *b) {
    return a->from == b->from && a->to == b->to;
}

// Some tiles that meet a range together. Scores and parts are numbered from the first query on.
struct batch {
    struct work *w;
    const struct range *range;
    const char *next;  // what follows the range's values, or 0
    const struct tile *tiles;
    int64_t count;
    int64_t from, to;  // tokens of the range that any query attends to
    struct span span[MAX_QUERIES];
};

static int64_t row_of(const struct batch *b, const struct tile *tile) {
    return tile->first - b->tiles[0].first;
}

static void score(const struct batch *b) {
    struct work *w = b->w;
    const struct run *run = b->range->run;
    for (int64_t at = 0; at < b->to; at += run++->tokens) {
        int64_t begin = max_i64(0, b->from - at) / PANEL * PANEL;
        int64_t end = min_i64(run->tokens, b->to - at);
        for (int64_t t = 0; t < b->count && begin < end; t++) {
            const struct tile *tile = b->tiles + t;
            const char *next = t + 1 < b->count ? run->keys + tile[1].keyOffset
                : at + run->tokens < b->to ? run[1].keys + b->tiles->keyOffset
                                           : b->range->run->values + b->tiles->valueOffset;
            multiply_steps(
                w->kind, tile->rows, ceil_div(end - begin, PANEL),
                w->left + tile->first * ROW_WORDS, run->keys + tile->keyOffset + begin * 4,
                run->keyStride, w->keySteps, w->scores + row_of(b, tile) * ROW_WORDS + at + begin,
                ROW_WORDS, 0, next);
        }
    }
}

// Adds the weighted values of tokens [from, to) of a run, which are whole steps and begin at token
// `at` of the range, to the parts of some rows.
static void add_values(
    const struct batch *b, const struct tile *tile, int64_t row, int64_t rows,
    const struct run *run, int64_t at, int64_t from, int64_t to, const char *next) {
    struct work *w = b->w;
    int64_t begin = max_i64(0, from - at), end = min_i64(run->tokens, to - at);
    if (begin >= end) {
        return;
    }
    int64_t words = w->kind == TILE_DOT ? 2 : 1;
    for (int64_t d = 0; d < w->paddedDim; d += BLOCK) {
        int64_t width = min_i64(BLOCK, w->paddedDim - d);
        int64_t offset = (d * run->valueTokens + begin * width) * 4 / w->pair;
        const char *values = run->values + tile->valueOffset + offset;
        multiply_steps(
            w->kind, rows, width / PANEL, w->scores + row * ROW_WORDS + (at + begin) / words,
            values, width * 4, (end - begin) / w->pair, w->part + row * w->paddedDim + d,
            w->paddedDim, 1, next ? next + offset : values);
    }
}

// Half a step: one token, while the other one of its pair may be anything.
static void add_token(const struct batch *b, const struct tile *tile, int64_t row, int64_t token) {
    const struct work *w = b->w;
    const struct run *run = b->range->run;
    vf factor = v_set(weight(w, w->scores + row * ROW_WORDS, token));
    for (; token >= run->tokens; token -= run++->tokens) {
    }
    for (int64_t d = 0; d < w->paddedDim; d += VL) {
        int64_t block = d / BLOCK * BLOCK, width = min_i64(BLOCK, w->paddedDim - block);
        const char *p = run->values + tile->valueOffset
            + (block * run->valueTokens / 2 + token / 2 * width + d % BLOCK) * 4;
        vf v = w->kind == TILE_F16 ? (token % 2 ? v_odd_f16(p) : v_even_f16(p))
                                   : (token % 2 ? v_odd_bf16(p) : v_even_bf16(p));
        float *part = b->w->part + row * w->paddedDim + d;
        v_store(part, v_fma(v, factor, v_load(part)));
    }
}

// Weighted values of a tile whose rows attend to the same tokens.
static void sum_values(
    const struct batch *b, const struct tile *tile, const struct run *run, int64_t at,
    const char *next) {
    const struct span *s = b->span + row_of(b, tile);
    add_values(b, tile, row_of(b, tile), tile->rows, run, at, s->begin, s->end, next);
}

// Weighted values of a tile of which each row stops at its own bounds: a token outside must not
// count even with weight zero, for its value may be infinite. What all rows have in common they
// take together.
static void sum_uneven_values(const struct batch *b, const struct tile *tile) {
    int64_t row = row_of(b, tile), begin = 0, end = RANGE;
    const struct span *span = b->span + row;
    for (int64_t i = 0; i < tile->rows; i++) {
        begin = max_i64(begin, span[i].begin);
        end = min_i64(end, span[i].end);
    }
    if (begin >= end) {
        begin = end = RANGE;
    }
    const struct run *run = b->range->run;
    for (int64_t at = 0; at < b->to; at += run++->tokens) {
        for (int64_t i = 0, j; i < tile->rows; i = j) {
            for (j = i + 1; j < tile->rows && same(span + i, span + j); j++) {
            }
            add_values(
                b, tile, row + i, j - i, run, at, span[i].begin, min_i64(begin, span[i].end), 0);
        }
        add_values(b, tile, row, tile->rows, run, at, begin, end, 0);
        for (int64_t i = 0, j; i < tile->rows; i = j) {
            for (j = i + 1; j < tile->rows && same(span + i, span + j); j++) {
            }
            add_values(
                b, tile, row + i, j - i, run, at, max_i64(end, span[i].begin), span[i].end, 0);
        }
    }
}

static int even(const struct batch *b, const struct tile *tile) {
    const struct span *span = b->span + row_of(b, tile);
    for (int64_t i = 1; i < tile->rows; i++) {
        if (!same(span, span + i)) {
            return 0;
        }
    }
    return 1;
}

static void sum_all_values(const struct batch *b) {
    const struct run *run = b->range->run;
    for (int64_t at = 0; at < b->to; at += run++->tokens) {
        for (int64_t t = 0; t < b->count; t++) {
            const struct tile *tile = b->tiles + t;
            const char *next = t + 1 < b->count ? run->values + tile[1].valueOffset
                : at + run->tokens < b->to ? run[1].values + b->tiles->valueOffset
                                           : b->next;
            if (even(b, tile)) {
                sum_values(b, tile, run, at, next);
            } else if (at == 0) {
                sum_uneven_values(b, tile);
            }
        }
    }
}

// What becomes of the result of query q for this range.
static void keep_part(struct work *w, int64_t q, float largest, float total, const float *part) {
    size_t bytes = (size_t)w->paddedDim * 4;
    float *to = w->parts[q], *sums = w->sums + q * w->paddedDim;
    if (to) {
        to[0] = largest;
        to[1] = total;
        memcpy(to + PART_SUMS, part, bytes);
    } else if (w->total[q] == 0) {
        w->largest[q] = largest;
        w->total[q] = total;
        memcpy(sums, part, bytes);
    } else {
        merge_part(
            w->paddedDim, largest, total, part, w->largest + q, w->total + q, sums);
    }
}

static void attend_batch(struct batch *b) {
    struct work *w = b->w;
    const struct tile *last = b->tiles + b->count - 1;
    int64_t rows = row_of(b, last) + last->rows, first = b->tiles->first;
    float largest[MAX_QUERIES], total[MAX_QUERIES];
    b->from = RANGE;
    b->to = 0;
    for (int64_t i = 0; i < rows; i++) {
        struct span s = b->span[i] = span_of(w, first + i, b->range->first);
        if (s.from < s.to) {
            b->from = min_i64(b->from, s.from);
            b->to = max_i64(b->to, s.to);
        }
    }
    score(b);
    memset(w->part, 0, (size_t)(rows * w->paddedDim * 4));
    for (int64_t t = 0; t < b->count; t++) {
        for (int64_t i = row_of(b, b->tiles + t), end = i + b->tiles[t].rows; i < end; i++) {
            struct span s = b->span[i];
            if (s.from < s.to) {
                total[i] = weigh(w, w->scores + i * ROW_WORDS, s.from, s.to, largest + i);
            }
            if (s.from < min_i64(s.begin, s.to)) {
                add_token(b, b->tiles + t, i, s.from);
            }
        }
    }
    sum_all_values(b);
    for (int64_t t = 0; t < b->count; t++) {
        for (int64_t i = row_of(b, b->tiles + t), end = i + b->tiles[t].rows; i < end; i++) {
            struct span s = b->span[i];
            if (s.begin <= s.end && s.end < s.to) {
                add_token(b, b->tiles + t, i, s.end);
            }
            if (s.from < s.to) {
                keep_part(w, first + i, largest[i], total[i], w->part + i * w->paddedDim);
            }
        }
    }
}

void attend_range(
    struct work *w, const struct range *range, const struct range *next, int together) {
    struct batch b = {.w = w, .range = range};
    int64_t step = together ? w->tiles : 1;
    for (int64_t t = 0; t < w->tiles; t += step) {
        b.tiles = w->tile + t;
        b.count = step;
        b.next = next && next->runs > 0 ? next->run->keys + b.tiles->keyOffset : 0;
        attend_batch(&b);
    }
}

void finish_sums(const float *sums, float total, int64_t headDim, float *out) {
    vf inverse = v_set(1.0f / total);
    for (int64_t d = 0; d < headDim; d += VL) {
        v_store_run(out + d, v_load(sums + d) * inverse, headDim - d);
    }
}
