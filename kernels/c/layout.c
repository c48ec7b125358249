// Operations that move data: look-ups, patches, token grids. A unit is one row of the output.
#include "block.h"

INLINE void copy_floats(float *out, const float *x, int64_t n) {
    if (out != x) {
        memcpy(out, x, (size_t)n * 4);
    }
}

static void widen(float *out, int64_t type, const char *x, int64_t n) {
    if (type == DTYPE_F32) {
        memcpy(out, x, (size_t)n * 4);
        return;
    }
    const uint16_t *h = (const uint16_t *)x;
    for (int64_t i = 0; i < n; i += VL) {
        int64_t left = min_i64(n - i, VL);
        vf v = type == DTYPE_BF16 ? v_load_bf16_part(h + i, left) : v_load_f16_part(h + i, left);
        v_store_run(out + i, v, left);
    }
}

// Row `id` of a packed matrix: its elements (or pairs of 16-bit elements) are 64 bytes apart.
static void gather_packed(const struct Gather *a, int64_t id, float *out) {
    int64_t lines = a->tableType == DTYPE_F32 ? a->cols : ceil_div(a->cols, 2);
    const char *p = a->table + (id / PANEL * PANEL * lines + id % PANEL) * 4;
    if (a->tableType == DTYPE_F32) {
        for (int64_t c = 0; c < a->cols; c++) {
            memcpy(out + c, p + c * PANEL * 4, 4);
        }
        return;
    }
    enum { CHUNK = 64 };
    char pairs[CHUNK * 4];
    for (int64_t c = 0; c < lines; c += CHUNK) {
        int64_t n = min_i64(CHUNK, lines - c);
        for (int64_t i = 0; i < n; i++) {
            memcpy(pairs + i * 4, p + (c + i) * PANEL * 4, 4);
        }
        widen(out + c * 2, a->tableType, pairs, min_i64(n * 2, a->cols - c * 2));
    }
}

UNITS(Gather, Gather) { return ROW_COUNT(a); }

KERNEL(Gather, Gather) {
    int64_t size = a->tableType == DTYPE_F32 ? 4 : 2;
    for (int64_t r = begin; r < end; r++) {
        float *out = a->out + r * a->ldo;
        if (is_block(a->tableType)) {
            block_gather(a->table, a->tableType, a->ids[r], a->cols, out);
        } else if (a->packed) {
            gather_packed(a, a->ids[r], out);
        } else {
            widen(out, a->tableType, a->table + a->ids[r] * a->cols * size, a->cols);
        }
    }
}

UNITS(SelectRows, SelectRows) { return ROW_COUNT(a); }

KERNEL(SelectRows, SelectRows) {
    for (int64_t r = begin; r < end; r++) {
        int64_t i = a->index[r];
        const float *row = i < 0 ? a->x + r * a->ldx : a->y + i * a->ldy;
        copy_floats(a->out + r * a->ldo, row, a->cols);
    }
}

UNITS(Patchify, Patchify) {
    return ROW_COUNT(a) * (a->height / a->patch) * (a->width / a->patch);
}

KERNEL(Patchify, Patchify) {
    int64_t across = a->width / a->patch, down = a->height / a->patch;
    for (int64_t u = begin; u < end; u++) {
        int64_t x = u % across, y = u / across % down, image = u / across / down;
        float *out = a->out + u * a->ldo;
        for (int64_t c = 0; c < a->channels; c++) {
            for (int64_t ky = 0; ky < a->patch; ky++, out += a->patch) {
                int64_t line = (image * a->channels + c) * a->height + y * a->patch + ky;
                copy_floats(out, a->pixels + line * a->width + x * a->patch, a->patch);
            }
        }
    }
}

UNITS(AssembleTokens, AssembleTokens) { return ROW_COUNT(a) * (1 + a->tokens); }

KERNEL(AssembleTokens, AssembleTokens) {
    for (int64_t u = begin; u < end; u++) {
        int64_t image = u / (1 + a->tokens), token = u % (1 + a->tokens);
        const float *x =
            token == 0 ? a->cls : a->patches + (image * a->tokens + token - 1) * a->ldp;
        const float *position = a->position + token * a->cols;
        float *out = a->out + u * a->ldo;
        for (int64_t i = 0; i < a->cols; i += VL) {
            int64_t left = a->cols - i;
            v_store_run(out + i, v_load_run(x + i, left) + v_load_run(position + i, left), left);
        }
    }
}

UNITS(PixelUnshuffle, PixelUnshuffle) {
    return ROW_COUNT(a) * (a->height / a->block) * (a->width / a->block);
}

KERNEL(PixelUnshuffle, PixelUnshuffle) {
    int64_t across = a->width / a->block, down = a->height / a->block;
    for (int64_t u = begin; u < end; u++) {
        int64_t image = u / (across * down), place = u % (across * down);
        int64_t x = a->transposed ? place / down : place % across;
        int64_t y = a->transposed ? place % down : place / across;
        int64_t base = image * (a->skip + a->height * a->width) + a->skip;
        float *out = a->out + u * a->ldo;
        for (int64_t dy = 0; dy < a->block; dy++) {
            for (int64_t dx = 0; dx < a->block; dx++, out += a->cols) {
                int64_t cell = (y * a->block + dy) * a->width + x * a->block + dx;
                copy_floats(out, a->x + (base + cell) * a->ldx, a->cols);
            }
        }
    }
}
