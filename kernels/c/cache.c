// Appending to a paged cache. A unit is one head of up to UNIT_ROWS rows, as neighbouring tokens
// share cache lines.
#include "attention.h"

enum { UNIT_ROWS = 64 };

// One word each row of the matrix of keys, `stride` bytes apart.
static void store_keys(
    const struct KvAppend *a, const float *k, char *to, int64_t stride, uint16_t *halves) {
    if (a->cacheType == DTYPE_F32) {
        for (int64_t i = 0; i < a->headDim; i++) {
            memcpy(to + i * stride, k + i, 4);
        }
        return;
    }
    for (int64_t i = 0; i < ceil_div(a->headDim, 2); i++) {
        memcpy(to + i * stride, halves + 2 * i, 4);
    }
}

static void store_values(
    const struct KvAppend *a, const float *v, char *to, int64_t token, const uint16_t *halves) {
    int64_t dims = padded(a->headDim);
    int64_t pair = a->cacheType == DTYPE_F32 ? 1 : 2;
    for (int64_t d = 0; d < a->headDim; d += BLOCK) {
        int64_t width = min_i64(BLOCK, dims - d), count = min_i64(width, a->headDim - d);
        char *row = to + (d * a->pageTokens / pair + token / pair * width) * 4;
        if (pair == 1) {
            memcpy(row, v + d, (size_t)count * 4);
            continue;
        }
        for (int64_t i = 0; i < count; i++) {
            memcpy(row + i * 4 + token % 2 * 2, halves + d + i, 2);
        }
    }
}

// Elements in 16 bits, and a zero after them.
static void narrow(int64_t type, const float *x, int64_t n, uint16_t *out) {
    for (int64_t i = 0; i < n; i += VL) {
        vf v = v_load_run(x + i, n - i);
        if (type == DTYPE_BF16) {
            v_store_bf16(out + i, v);
        } else if (type == DTYPE_F16) {
            v_store_f16(out + i, v);
        }
    }
    out[n] = 0;
}

// A row of Q8 blocks.
static void store_blocks(const float *x, int64_t n, char *to) {
    for (int64_t first = 0; first < n; first += Q8_ELEMENTS, to += Q8_BYTES) {
        float block[Q8_ELEMENTS] = {0}, scaled[Q8_ELEMENTS], scales[VL];
        memcpy(block, x + first, (size_t)min_i64(Q8_ELEMENTS, n - first) * 4);
        // Compared as integers, infinities and NaN are larger than numbers, so that they show.
        vi largest = {0};
        for (int i = 0; i < Q8_ELEMENTS; i += VL) {
            largest = vi_max(largest, (vi)v_abs(v_load(block + i)));
        }
        uint16_t bits[VL];
        v_store_f16(bits, v_set(vi_largest(largest) / 127));
        v_store(scales, v_load_f16(bits));
        vf inverse = v_set(scales[0] == 0 ? 0 : 1 / scales[0]);
        memcpy(to, bits, 2);
        for (int i = 0; i < Q8_ELEMENTS; i += VL) {
            vf q = v_round(v_load(block + i) * inverse);
            v_store(scaled + i, v_max(v_set(-127), v_min(v_set(127), q)));
        }
        for (int i = 0; i < Q8_ELEMENTS; i++) {
            to[2 + i] = (char)(int8_t)scaled[i];
        }
    }
}

static void append_blocks(
    const struct KvAppend *a, int64_t head, char *page, int64_t token, const float *k,
    const float *v) {
    int64_t row = (head * a->pageTokens + token) * q8_bytes(a->headDim);
    store_blocks(k, a->headDim, page + a->kOffset + row);
    store_blocks(v, a->headDim, page + a->vOffset + row);
}

// Where a token's keys and values of one head go, but for Q8.
struct place {
    char *keys;      // its column in the block of keys
    int64_t stride;  // bytes of a row of that block
    char *values;    // the head's matrix
    int64_t token;   // in the page
};

static struct place place_of(const struct KvAppend *a, int64_t row, int64_t head) {
    int64_t slot = a->slot[row], token = slot % a->pageTokens;
    char *page = a->pages[a->sequence[row] * a->maxPages + slot / a->pageTokens];
    int64_t pair = a->cacheType == DTYPE_F32 ? 1 : 2, steps = ceil_div(a->headDim, pair);
    int64_t block = token / BLOCK * BLOCK, width = min_i64(BLOCK, padded(a->pageTokens) - block);
    char *keys = page + a->kOffset + head * padded(a->pageTokens) * steps * 4;
    char *values = page + a->vOffset + head * (a->pageTokens / pair) * padded(a->headDim) * 4;
    return (struct place){keys + (block * steps + token - block) * 4, width * 4, values, token};
}

static void append(const struct KvAppend *a, int64_t row, int64_t head) {
    uint16_t halves[MAX_HEAD + VL];
    const float *k = a->k + row * a->ldk + head * a->headDim;
    const float *v = a->v + row * a->ldv + head * a->headDim;
    if (a->cacheType == DTYPE_Q8) {
        int64_t slot = a->slot[row];
        char *page = a->pages[a->sequence[row] * a->maxPages + slot / a->pageTokens];
        append_blocks(a, head, page, slot % a->pageTokens, k, v);
        return;
    }
    struct place p = place_of(a, row, head);
    narrow(a->cacheType, k, a->headDim, halves);
    store_keys(a, k, p.keys, p.stride, halves);
    narrow(a->cacheType, v, a->headDim, halves);
    store_values(a, v, p.values, p.token, halves);
}

// Whether rows [row, row + VL) are VL tokens of a bfloat16 cache from a multiple of VL on.
static int is_run(const struct KvAppend *a, int64_t row, int64_t end) {
    if (a->cacheType != DTYPE_BF16 || row + VL > end || a->pageTokens % VL || a->slot[row] % VL) {
        return 0;
    }
    for (int64_t i = 1; i < VL; i++) {
        if (a->sequence[row + i] != a->sequence[row] || a->slot[row + i] != a->slot[row] + i) {
            return 0;
        }
    }
    return 1;
}

// VL tokens at once: their keys are a square of words after another, transposed.
static void append_run(const struct KvAppend *a, int64_t row, int64_t head) {
    struct place p = place_of(a, row, head);
    const float *k = a->k + row * a->ldk + head * a->headDim;
    const float *v = a->v + row * a->ldv + head * a->headDim;
    int64_t steps = ceil_div(a->headDim, 2);
    for (int64_t s = 0; s < steps; s += VL) {
        int64_t left = a->headDim - 2 * s;
        vf m[VL];
        UNROLL
        for (int i = 0; i < VL; i++) {
            const float *x = k + i * a->ldk + 2 * s;
            vf high = left > VL ? v_load_run(x + VL, left - VL) : v_zero();
            m[i] = v_pair_bf16(v_load_run(x, left), high);
        }
        v_transpose(m);
        for (int64_t j = 0; j < min_i64(VL, steps - s); j++) {
            v_store(p.keys + (s + j) * p.stride, m[j]);
        }
    }
    for (int64_t t = 0; t < VL; t += 2, v += 2 * a->ldv) {
        for (int64_t d = 0; d < a->headDim; d += VL) {
            int64_t block = d / BLOCK * BLOCK, width = min_i64(BLOCK, padded(a->headDim) - block);
            int64_t word = block * a->pageTokens / 2 + (p.token + t) / 2 * width + d % BLOCK;
            int64_t left = a->headDim - d;
            vf pairs = v_zip_bf16(v_load_run(v + d, left), v_load_run(v + a->ldv + d, left));
            v_store_run((float *)p.values + word, pairs, left);
        }
    }
}

UNITS(KvAppend, KvAppend) { return ceil_div(ROW_COUNT(a), UNIT_ROWS) * a->kvHeads; }

KERNEL(KvAppend, KvAppend) {
    for (int64_t u = begin; u < end; u++) {
        int64_t first = u / a->kvHeads * UNIT_ROWS;
        int64_t end = min_i64(first + UNIT_ROWS, ROW_COUNT(a));
        for (int64_t r = first; r < end;) {
            if (is_run(a, r, end)) {
                append_run(a, r, u % a->kvHeads);
                r += VL;
            } else {
                append(a, r++, u % a->kvHeads);
            }
        }
    }
}
