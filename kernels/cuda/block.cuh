// Weights of block types, which are panels as on the CPU, and activations rounded to blocks for them.
//
// A product of a block is a sum times the weights' scale, rounded once; blocks follow in one chain of
// fused multiply-adds in ascending k. Both are the same in every kernel. Of integers the sum is
// exact, so that the bits are the CPU's up to what follows the sums; of F8 it is what tensor cores
// make of it in float32, of the same columns in the same order.
//
// A fragment's rows g and g + 8 are rows 2 g and 2 g + 1 of a panel: eight bytes of a panel's line.
#ifndef OCELLUS_BLOCK_CUH
#define OCELLUS_BLOCK_CUH

#include "e4m3.cuh"
#include "product.cuh"

constexpr int BLOCK = 32;
constexpr int GROUP_BLOCKS = 2;
constexpr int LINE = 64;

// ---- rounded activations -----------------------------------------------------------------------

// A lane's elements of a block of activations: 4 t to 4 t + 3, and 16 further.
struct BlockWords {
    float low[4], high[4];

    // From `first` on, zero past k; `aligned` if rows are.
    __device__ __forceinline__ void load(const float *row, int64_t first, int64_t k,
                                         bool aligned) {
        bool whole = aligned && first + 20 <= k;
        uint4 a = load_bits(row + first, k - first, whole);
        uint4 b = load_bits(row + first + 16, k - first - 16, whole);
        uint32_t words[8] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            low[i] = __uint_as_float(words[i]);
            high[i] = __uint_as_float(words[4 + i]);
        }
    }

    // The largest magnitude of the block of which this lane and its three neighbours hold eight
    // values each. It is found among the bits, where infinities and NaN are larger than numbers.
    __device__ __forceinline__ float largest() const {
        uint32_t bits = 0;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            bits = max(bits, __float_as_uint(low[i]) & 0x7fffffffu);
            bits = max(bits, __float_as_uint(high[i]) & 0x7fffffffu);
        }
        bits = max(bits, __shfl_xor_sync(ALL_LANES, bits, 1));
        bits = max(bits, __shfl_xor_sync(ALL_LANES, bits, 2));
        return __uint_as_float(bits);
    }
};

// Blocks whose largest magnitude is below count as zero.
constexpr float LEAST_MAGNITUDE = 0x1p-100f;

// How activations are rounded: what a lane holds of a block, and a block's scale. A tile's ring has so
// many stages that two tiles of most rows share a multiprocessor.
struct Int8Activations {
    using Words = uint2;
    static constexpr int TILE_STAGES = 4;

    static __device__ __forceinline__ float round(const BlockWords &x, Words &q) {
        float largest = x.largest();
        bool none = largest < LEAST_MAGNITUDE;
        float inverse = none ? 0 : __fdiv_rn(127.0f, largest);
        q = {0, 0};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            q.x |= (__float2int_rn(__fmul_rn(x.low[i], inverse)) & 0xff) << 8 * i;
            q.y |= (__float2int_rn(__fmul_rn(x.high[i], inverse)) & 0xff) << 8 * i;
        }
        return none ? 0 : __fdiv_rn(largest, 127.0f);
    }
};

// float16 of which the largest is from 2^14 to 2^15: by a power of two, so that only the elements
// are rounded.
struct F16Activations {
    using Words = uint4;
    static constexpr int TILE_STAGES = 3;

    static __device__ __forceinline__ float round(const BlockWords &x, Words &q) {
        constexpr uint32_t EXPONENT = 0x7f800000, TARGET = 14u << 23, ONE = 127u << 23;
        float largest = x.largest();
        bool none = largest < LEAST_MAGNITUDE;
        uint32_t exponent = __float_as_uint(largest) & EXPONENT;
        float inverse = none ? 0 : __uint_as_float(2 * ONE + TARGET - exponent);
        float low[4], high[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            low[i] = __fmul_rn(x.low[i], inverse);
            high[i] = __fmul_rn(x.high[i], inverse);
        }
        q = {pack_f16(low[0], low[1]), pack_f16(low[2], low[3]), pack_f16(high[0], high[1]),
             pack_f16(high[2], high[3])};
        return none ? 0 : __uint_as_float(exponent - TARGET);
    }
};

// Activations as words of A [blocks][pitch][4], those of a lane side by side, and after them their
// scales [blocks][pitch]. The blocks are those of whole groups; what is past k is zero and its
// scale, too, so that it leaves a chain as it is.
template <class A> struct RoundedRows {
    using Words = typename A::Words;
    static constexpr int WORD_BYTES = 4 * sizeof(Words);  // of a row of a block
    static constexpr int BLOCK_BYTES = WORD_BYTES + sizeof(float);

    Words *words;
    float *scales;
    int pitch;

    __device__ __forceinline__ RoundedRows(void *memory, int blocks, int rowPitch)
        : words(static_cast<Words *>(memory)),
          scales(reinterpret_cast<float *>(words + static_cast<int64_t>(blocks) * rowPitch * 4)),
          pitch(rowPitch) {}

    // The unit of four lanes that has a row of a block.
    __device__ __forceinline__ void store(int64_t block, int row, int t, Words q, float scale) {
        int64_t at = block * pitch + row;
        words[at * 4 + t] = q;
        if (t == 0) {
            scales[at] = scale;
        }
    }
};

// ---- weights -----------------------------------------------------------------------------------

// A lane's two rows of a block of integers, which are to be multiplied.
//
// An integer sum d is made on top of 1.5 * 2^23, whose bits as a float then are that number plus d,
// exactly; one fused operation takes the number off and multiplies by the scale. It rounds once, as
// d * scale does, and converting integers, which is slow, is saved. A zero may have another sign
// than d * scale would have, which no chain that began with a positive zero shows.
struct IntegerRows {
    using Activations = Int8Activations;
    static constexpr float BASE = 12582912;
    static constexpr int BASE_BITS = 0x4b400000;

    uint32_t a[4];
    float scale[2], shift[2];

    __device__ __forceinline__ void set_scales(float low, float high) {
        scale[0] = low;
        scale[1] = high;
        shift[0] = __fmul_rn(low, -BASE);
        shift[1] = __fmul_rn(high, -BASE);
    }

    __device__ __forceinline__ void multiply(float (&products)[4], uint2 x) const {
        int d[4];
        mma_s8(d, a, x.x, x.y, BASE_BITS);
#pragma unroll
        for (int v = 0; v < 4; v++) {
            products[v] = __fmaf_rn(__int_as_float(d[v]), scale[v / 2], shift[v / 2]);
        }
    }
};

// The same of float16: two operations of 16 columns, which are words t, and words t + 4.
struct F16Rows {
    using Activations = F16Activations;

    uint32_t a[2][4];
    float scale[2];

    __device__ __forceinline__ void set_scales(float low, float high) {
        scale[0] = low;
        scale[1] = high;
    }

    __device__ __forceinline__ void multiply(float (&products)[4], uint4 x) const {
        float d[4] = {};
        mma_f16(d, a[0], x.x, x.y);
        mma_f16(d, a[1], x.z, x.w);
#pragma unroll
        for (int v = 0; v < 4; v++) {
            products[v] = __fmul_rn(d[v], scale[v / 2]);
        }
    }
};

// A type of weights: what a lane makes of rows 2 g and 2 g + 1 of a block, of which it has words t,
// and in which unit that is.
struct Q8 : IntegerRows {
    static constexpr int LINES = 8;
    static constexpr float UNIT = 1;

    __device__ __forceinline__ void set_words(const uint2 (&words)[2]) {
        constexpr uint32_t OFFSET = 0x80808080;
        a[0] = words[0].x ^ OFFSET;
        a[1] = words[0].y ^ OFFSET;
        a[2] = words[1].x ^ OFFSET;
        a[3] = words[1].y ^ OFFSET;
    }
};

// The integers are taken 16-fold, since a half of a byte less eight is then two operations on a
// word, and the scale makes up for it.
struct Q4 : IntegerRows {
    static constexpr int LINES = 4;
    static constexpr float UNIT = 1.0f / 16;

    static __device__ __forceinline__ uint32_t upper(uint32_t nibbles) {
        return (nibbles & 0xf0f0f0f0) ^ 0x80808080;
    }

    __device__ __forceinline__ void set_words(const uint2 (&words)[1]) {
        a[0] = upper(words[0].x << 4);
        a[1] = upper(words[0].y << 4);
        a[2] = upper(words[0].x);
        a[3] = upper(words[0].y);
    }
};

struct F8 : F16Rows {
    static constexpr int LINES = 8;
    static constexpr float UNIT = E4M3_UNIT;

    __device__ __forceinline__ void set_words(const uint2 (&words)[2]) {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            a[i][0] = e4m3_low(words[i].x);
            a[i][1] = e4m3_low(words[i].y);
            a[i][2] = e4m3_high(words[i].x);
            a[i][3] = e4m3_high(words[i].y);
        }
    }
};

template <class Q> constexpr int GROUP_BYTES = LINE * (1 + GROUP_BLOCKS * Q::LINES);

// Lines and groups of a panel follow one another in shared memory as in the weights, but that pairs
// of vectors change places in every other pair of lines: the 32 bytes of four neighbouring lines
// that half a warp reads at a time are then in different banks.
__device__ __forceinline__ int swizzled(int offset) { return offset ^ (offset >> 2 & 32); }

// A lane's rows of a block, ready to be multiplied: `multiply` gives the products times the weights'
// scale, of row 2 g with activations 2 t and 2 t + 1, then of row 2 g + 1, from the words that the
// lane has of activation g.
template <class Q> struct BlockRows : Q {
    // Block `b` of the group at `offset`, of whole lines, from where a swizzled `ring` begins.
    __device__ __forceinline__ void load(const char *ring, int offset, int b, int g, int t) {
        const char *first = ring + swizzled(offset + (1 + t) * LINE + g * 8);
        uint2 words[Q::LINES / 4];
#pragma unroll
        for (int i = 0; i < Q::LINES / 4; i++) {
            // Four lines further the same vectors change places.
            words[i] = *reinterpret_cast<const uint2 *>(first + (b * Q::LINES + i * 4) * LINE);
        }
        this->set_words(words);
        int scaleOffset = swizzled(offset + b * 2 * PANEL) + g * 4;
        float2 scales = __half22float2(*reinterpret_cast<const __half2 *>(ring + scaleOffset));
        this->set_scales(__fmul_rn(scales.x, Q::UNIT), __fmul_rn(scales.y, Q::UNIT));
    }
};

__device__ __forceinline__ int64_t panel_count(const MatMul &a) {
    return ceil_div(a.n, PANEL) * (a.gated ? 2 : 1);
}

__device__ __forceinline__ int group_count(const MatMul &a) {
    return static_cast<int>(ceil_div(a.k, GROUP_BLOCKS * BLOCK));
}

// Rows of rounded activations in scratch memory, for which 16-byte copies of scales are aligned.
__device__ __forceinline__ int scratch_pitch(const MatMul &a) {
    return static_cast<int>(ceil_div(a.rows, 8) * 8);
}

template <class A> __device__ __forceinline__ RoundedRows<A> scratch_rows(const MatMul &a) {
    return RoundedRows<A>(a.scratch, group_count(a) * GROUP_BLOCKS, scratch_pitch(a));
}

#endif
