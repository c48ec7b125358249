// Weights of block types and the activations that meet them.
//
// A block is 32 elements, a group two blocks; KernelCall's Panels say how a group of weights lies.
// A tile of activations has for each group, one after the other and without gaps:
//
//   int8  q[2][8][rows][4]   integers, four of a row side by side
//   int32 start[2][rows]     what a sum of products starts with: see dot.h
//   float scale[2][rows]
#ifndef OCELLUS_BLOCK_H
#define OCELLUS_BLOCK_H

#include "tile.h"

enum {
    BLOCK = 32,
    GROUP_BLOCKS = 2,
    GROUP = GROUP_BLOCKS * BLOCK,
    // Of each row of activations in a group.
    GROUP_ROW_BYTES = GROUP + GROUP_BLOCKS * 8,
    // Words of four integers.
    BLOCK_WORDS = BLOCK / 4,
    GROUP_WORDS = GROUP / 4
};

enum { BLOCK_TILE_ROWS = VL == 16 ? 12 : 4 };

// F8 is packed and looked up here, and multiplied on GPUs alone.
static inline int is_block(int64_t type) {
    return type == DTYPE_Q8 || type == DTYPE_Q4 || type == DTYPE_F8;
}

static inline int64_t block_lines(int64_t type) { return type == DTYPE_Q4 ? 4 : 8; }

// Of one group in a panel.
static inline int64_t block_group_bytes(int64_t type) {
    return PANEL_LINE + GROUP_BLOCKS * block_lines(type) * PANEL_LINE;
}

static inline int64_t block_panel_bytes(int64_t type, int64_t k) {
    return ceil_div(k, GROUP) * block_group_bytes(type);
}

// C (rows of ldc floats, PANEL wide) receives the sums of a tile of `rows` rows with one panel over
// `groups` groups, which continue those in C if `continued`. Blocks add up in ascending k, each by
// c = fma(products * weight scale, activation scale, c).
#define block_tile NS(block_tile)
void block_tile(
    int64_t type, int64_t rows, const char *x, const char *w, int64_t groups, float *c, int64_t ldc,
    int continued);

// Rounds and packs a panel of Q8, Q4 or F8 from up to PANEL rows of k elements of `sourceType`.
#define block_pack NS(block_pack)
void block_pack(
    const char *const *rows, int64_t count, int64_t sourceType, int64_t k, int64_t type,
    char *panel);

// Row `row` of a packed matrix as floats.
#define block_gather NS(block_gather)
void block_gather(const char *table, int64_t type, int64_t row, int64_t cols, float *out);

#endif
