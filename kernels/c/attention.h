// What the attention kernels share: queries that have a key/value head in common meet its keys and
// values. See attention.c.
//
// Keys and values lie as in KernelCall.KvAppend. Both are right operands of a product, matrices of
// 32-bit words: the keys have a column for each token, the values one for each dimension; a word is
// one float32, or two elements of 16 bits that belong to neighbouring rows. Blocks of up to
// BLOCK columns follow one another, so that four panels are read as one stream.
#ifndef OCELLUS_ATTENTION_H
#define OCELLUS_ATTENTION_H

#include "step.h"

enum {
    // Keys whose scores are held at once. Ranges begin at multiples of it.
    RANGE = 512,
    MAX_QUERIES = 192,
    MAX_HEAD = 256,
    LEAST_TOKENS = 4,  // of a page
    BLOCK = 64,
    // Distance of the rows of a tile's left operand: a range, and a line more so that the rows do
    // not meet in the same sets of the first-level cache.
    ROW_WORDS = RANGE + 16
};

// Rows of 32-bit words, ROW_WORDS apart, times a matrix of 16 `panels` columns whose rows, the
// steps, are `stride` bytes apart. The sums over the steps, which continue those in c if
// `continued`, are one chain of fused operations for each output. Meanwhile what lies at `next` is
// fetched.
#define multiply_steps NS(multiply_steps)
void multiply_steps(
    enum tile_kind kind, int64_t rows, int64_t panels, const float *a, const char *b,
    int64_t stride, int64_t steps, float *c, int64_t ldc, int continued, const char *next);

// Tokens of one block of keys: at head 0 the words of the first one.
struct run {
    const char *keys;
    const char *values;
    int64_t keyStride;    // bytes of a row of the block
    int64_t valueTokens;  // rows of the matrix of values
    int64_t tokens;
};

// The tokens of one range, from token `first` on.
struct range {
    int64_t first;
    int64_t runs;
    struct run run[RANGE / LEAST_TOKENS];
};

// Queries that are multiplied together, and the place of their head in a run.
struct tile {
    int64_t first, rows;
    int64_t keyOffset, valueOffset;
};

// One unit's state, held once per thread: too much for the stack of a small one.
struct work {
    enum tile_kind kind;
    int rounded;        // weights are rounded to bfloat16 but stay float32
    int64_t headDim;
    int64_t paddedDim;  // rounded up to PANEL
    int64_t pair;       // elements of a word: 1 or 2
    int64_t keySteps;
    float scale;        // of scores, which count in units of ln 2
    int64_t queries;
    int64_t tiles;
    struct tile tile[MAX_QUERIES];
    const float *query[MAX_QUERIES];
    int64_t from[MAX_QUERIES];  // the first token that the query attends to
    int64_t to[MAX_QUERIES];    // the one after the last
    float *parts[MAX_QUERIES];  // where the range's result goes on its own, or 0
    float largest[MAX_QUERIES];
    float total[MAX_QUERIES];
    _Alignas(64) float sums[MAX_QUERIES * MAX_HEAD];
    _Alignas(64) float left[MAX_QUERIES * ROW_WORDS];
    _Alignas(64) float scores[MAX_QUERIES * ROW_WORDS];
    _Alignas(64) float part[MAX_QUERIES * MAX_HEAD];
    _Alignas(64) char keys[RANGE * MAX_HEAD * 4];
    _Alignas(64) char values[RANGE * MAX_HEAD * 4];
};

#define work_of_thread NS(work_of_thread)
struct work *work_of_thread(void);

#define start_queries NS(start_queries)
void start_queries(
    struct work *w, int64_t headDim, double scale, int64_t type, int64_t compute);

#define add_query NS(add_query)
void add_query(struct work *w, const float *q, int64_t from, int64_t to);

// All queries meet the tokens of a range: the tiles together where they have different heads and
// the range is read once, else one after the other. `next` is fetched meanwhile, if it has runs.
// Makes tiles of the queries from `first` on.
#define add_tiles NS(add_tiles)
void add_tiles(struct work *w, int64_t first, int64_t keyOffset, int64_t valueOffset);

#define attend_range NS(attend_range)
void attend_range(
    struct work *w, const struct range *range, const struct range *next, int together);

// `count` tokens from token `first` on, which will be packed into w's own memory.
#define start_packed NS(start_packed)
void start_packed(struct work *w, int64_t first, int64_t count, struct range *range);

// Packs the keys, or values, of up to VL tokens, of which the first is token `at` of the range.
#define pack_keys NS(pack_keys)
void pack_keys(struct work *w, const float *k, int64_t ldk, int64_t at, int64_t tokens);
#define pack_values NS(pack_values)
void pack_values(struct work *w, const float *v, int64_t ldv, int64_t at, int64_t tokens);

// The weighted mean of the values.
#define finish_sums NS(finish_sums)
void finish_sums(const float *sums, float total, int64_t headDim, float *out);

// A part: the largest score, the total of the weights, then the sums from PART_SUMS on.
enum { PART_SUMS = 16 };

// Adds the result of a later range to that of the earlier ones; the first one starts with an
// infinitely small `largest`.
#define merge_part NS(merge_part)
void merge_part(
    int64_t paddedDim, float partLargest, float partTotal, const float *part, float *largest,
    float *total, float *sums);

// A block of a Q8 cache: a float16 scale and the integers.
enum { Q8_ELEMENTS = 32, Q8_BYTES = 2 + Q8_ELEMENTS };

static inline int64_t q8_bytes(int64_t headDim) {
    return ceil_div(headDim, Q8_ELEMENTS) * Q8_BYTES;
}

// Columns that a matrix of n columns has in memory.
static inline int64_t padded(int64_t n) { return ceil_div(n, PANEL) * PANEL; }

#endif
