// What the attention kernels share: which queries meet in a block, where keys and values lie, how
// the results of two ranges of keys become one.
//
// A block takes a tile of queries that have a key/value head in common, and passes that head's keys
// and values once, in tiles of KEYS keys that begin at multiples of KEYS. How the queries meet them
// is a core's business: attention_matrix.cuh multiplies in bfloat16 on tensor cores,
// attention_plain.cuh in float32, for every head size. Both know a query by its index in the tile,
// and neither mixes queries: a query's bits depend on its own keys alone. A tile of keys that a
// query does not attend to leaves its state as it is, bit for bit, as its largest score stays, its
// sums are multiplied by 1, and zeros are added (keys and values that no query of the tile attends
// to are read as zeros).
#ifndef OCELLUS_ATTENTION_CUH
#define OCELLUS_ATTENTION_CUH

#include "device.cuh"

// Of a tile.
constexpr int KEYS = 64;

// Elements of bfloat16 in 16 bytes.
constexpr int CHUNK = 8;

constexpr float LOG2_E = 1.4426950408889634f;

// A block of Q8: a float16 scale and the integers.
constexpr int Q8_ELEMENTS = 32;
constexpr int Q8_BYTES = 2 + Q8_ELEMENTS;

__device__ __forceinline__ int64_t row_bytes(int64_t type, int64_t elements) {
    switch (type) {
        case DTYPE_F32: return elements * 4;
        case DTYPE_Q8: return ceil_div(elements, Q8_ELEMENTS) * Q8_BYTES;
        default: return elements * 2;
    }
}

// The keys [from, to) that a query attends to.
struct Span {
    int from, to;
};

// The queries of a tile: `heads` query heads, which share a key/value head, of `rows` rows. Query i
// is head i % heads of row i / heads.
struct Queries {
    int rows, heads;
    int64_t row, head;  // the first ones

    __device__ __forceinline__ int count() const { return rows * heads; }
    __device__ __forceinline__ int64_t row_of(int i) const { return row + i / heads; }
    __device__ __forceinline__ int64_t head_of(int i) const { return head + i % heads; }
};

// How queries are cut into tiles of up to `capacity`: the query heads of a key/value head into equal
// pieces, and as many rows as there is room for, or one.
struct Tiling {
    int64_t group, pieces, heads, rows;

    __device__ __forceinline__ Tiling(
        int64_t queryHeads, int64_t kvHeads, int capacity, bool oneRow) {
        group = queryHeads / kvHeads;
        pieces = ceil_div(group, capacity);
        heads = ceil_div(group, pieces);
        rows = oneRow ? 1 : capacity / heads;
    }

    // The queries of rows [first, end), no more than `rows`, in piece `index` of all heads' pieces.
    __device__ __forceinline__ Queries queries(int64_t first, int64_t end, int64_t index) const {
        int64_t piece = index % pieces * heads;
        Queries q;
        q.rows = static_cast<int>(min_i64(rows, end - first));
        q.heads = static_cast<int>(min_i64(heads, group - piece));
        q.row = first;
        q.head = kv_head(index) * group + piece;
        return q;
    }

    __device__ __forceinline__ int64_t kv_head(int64_t index) const { return index / pieces; }
};

// What rows are of: the keys or the values of one head.
enum Side { KEY, VALUE };

// Rows at equal distances in bytes.
struct PlainRows {
    const char *base[2];
    int64_t stride[2];

    __device__ __forceinline__ const char *at(Side side, int key) const {
        return base[side] + key * stride[side];
    }
};

// Rows in the pages of one sequence.
struct PagedRows {
    const char *const *pages;
    int64_t offset[2];  // in a page
    int stride;
    unsigned pageTokens;
    unsigned inverse;  // 2^32 / pageTokens, rounded up

    __device__ __forceinline__ const char *at(Side side, int key) const {
        unsigned token = static_cast<unsigned>(key);
        unsigned page = __umulhi(token, inverse);
        // The product with the inverse is too large by less than 1.
        page -= page * pageTokens > token;
        unsigned row = (token - page * pageTokens) * static_cast<unsigned>(stride);
        return pages[page] + offset[side] + row;
    }
};

// The running softmax of a query: the largest score, and the sum of the weights relative to it.
// Scores count before they are scaled.
struct Softmax {
    float largest, total;

    __device__ __forceinline__ static Softmax none() { return {-INFINITY, 0}; }
};

// What a score is compared with: the largest one, if there is any.
__device__ __forceinline__ float reference(float largest) {
    return largest == -INFINITY ? 0 : largest;
}

// By what sums are multiplied when the largest score becomes that of `to`: exactly 1 if it stays.
__device__ __forceinline__ float rescale(float from, float to, float scale) {
    return exp2_approx((from - reference(to)) * scale);
}

// Factors by which the sums of a later range join those of the earlier ones.
struct Weights {
    float before, part;
};

__device__ __forceinline__ Weights merge(Softmax &all, const Softmax &part, float scale) {
    float largest = fmaxf(all.largest, part.largest);
    Weights w = {rescale(all.largest, largest, scale), rescale(part.largest, largest, scale)};
    all.largest = largest;
    all.total = fmaf(all.total, w.before, part.total * w.part);
    return w;
}

__device__ __forceinline__ float merge(float all, float part, const Weights &w) {
    return fmaf(all, w.before, part * w.part);
}

#endif
