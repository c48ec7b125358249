// Resampling of 8-bit images; see ResizeRows and ResizePlanes in KernelCall. All arithmetic is exact
// modulo 2^32, so every instruction set gives the same bits.
//
// Both passes take four neighbouring samples at a time, as the bytes of a 32-bit lane: pixels of a
// row in the horizontal pass, rows in the vertical one, for which the horizontal pass leaves its
// result in quads of rows. Lanes are rows in the horizontal pass and samples of a row in the
// vertical one, so that a weight is the same for all lanes.
#include "ocellus.h"
#include "simd.h"

enum {
    CHANNELS = 3,
    TAPS = 4,                 // samples in a lane
    PRECISION = 22,           // fraction bits of a weight
    // Horizontal pass: rows of a unit, and the groups of TAPS pixels that are kept packed.
    ROWS = 16,
    ROW_VECTORS = ROWS / VL,
    GROUP_BYTES = TAPS * CHANNELS,
    BATCH = 4,
    RING = 64,
    GROUP_LANES = CHANNELS * ROWS,
    OUT_PIXELS = 16,
    // Vertical pass: pixels taken at a time, and vectors of sums that fit the registers.
    SPAN = 64,
    SPAN_SAMPLES = SPAN * CHANNELS,
    SUM_VECTORS = 6
};

typedef uint8_t bytes16 __attribute__((vector_size(16)));

// Sums of weights times unsigned bytes, TAPS products for each lane at a time: TERMS vectors whose
// combination is the sum.
#if defined(__AVX512VNNI__)

// A weight is three signed digits to the base 256, and each digit has a sum of its own.
enum { TERMS = 3 };
typedef vi weights[TERMS];

INLINE void load_weights(weights w, const int32_t *p) {
    const __m128i bias = _mm_set1_epi32(0x8080);
    const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m128i biased = _mm_add_epi32(_mm_loadu_si128((const __m128i *)p), bias);
    __m128i digits = _mm_shuffle_epi8(_mm_xor_si128(biased, bias), order);
    UNROLL
    for (int d = 0; d < TERMS; d++) {
        __m512i lane = _mm512_set1_epi32(d);
        w[d] = (vi)_mm512_permutexvar_epi32(lane, _mm512_castsi128_si512(digits));
    }
}

INLINE void add_products(vi s[TERMS], const weights w, vi bytes) {
    UNROLL
    for (int d = 0; d < TERMS; d++) {
        s[d] = (vi)_mm512_dpbusd_epi32((__m512i)s[d], (__m512i)bytes, (__m512i)w[d]);
    }
}

INLINE vi total(const vi s[TERMS]) { return (s[2] << 16) + (s[1] << 8) + s[0]; }

#else

enum { TERMS = 1 };
typedef vi weights[TAPS];

INLINE void load_weights(weights w, const int32_t *p) {
    UNROLL
    for (int j = 0; j < TAPS; j++) {
        w[j] = (vi){0} + p[j];
    }
}

INLINE void add_products(vi s[TERMS], const weights w, vi bytes) {
    UNROLL
    for (int j = 0; j < TAPS; j++) {
        s[0] += ((bytes >> (8 * j)) & 255) * w[j];
    }
}

INLINE vi total(const vi s[TERMS]) { return s[0]; }

#endif

// A sum rounded to a whole number and clipped to 0 to 255.
INLINE void store_samples(uint8_t *out, const vi s[TERMS]) {
    v_store_clipped(out, (total(s) + (1 << (PRECISION - 1))) >> PRECISION);
}

INLINE vi load_words(const void *p) {
    vi v;
    memcpy(&v, p, sizeof v);
    return v;
}

// Packed pixels of ROWS rows: group g, of pixels [4 g, 4 g + 4), has a word for each channel and
// row. Groups [low, high) are there.
struct window {
    uint32_t groups[RING][GROUP_LANES];
    int64_t low;
    int64_t high;
};

// The TAPS pixels at p, channel by channel, of which `bytes` may be read; the rest are zero.
INLINE bytes16 load_pixels(const uint8_t *p, int64_t bytes) {
    bytes16 v;
    if (bytes >= (int64_t)sizeof v) {
        memcpy(&v, p, sizeof v);
    } else {
        uint8_t t[sizeof v] = {0};
        memcpy(t, p, (size_t)max_i64(bytes, 0));
        memcpy(&v, t, sizeof v);
    }
    return __builtin_shufflevector(v, v, 0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, 12, 13, 14, 15);
}

// Packs BATCH groups from group `group` on; rows past `rows` are zero.
static void pack(
    const struct ResizeRows *a, int64_t row, int64_t rows, int64_t group, uint32_t *out) {
    bytes16 t[ROWS][BATCH];
    if (rows < ROWS) {
        memset(t[rows], 0, (size_t)(ROWS - rows) * sizeof t[0]);
    }
    const uint8_t *x = a->x + row * a->ldx + group * GROUP_BYTES;
    int64_t bytes = a->inCols * CHANNELS - group * GROUP_BYTES;
    int whole = bytes >= (BATCH - 1) * GROUP_BYTES + (int64_t)sizeof(bytes16);
    for (int64_t r = 0; r < rows; r++, x += a->ldx) {
        UNROLL
        for (int g = 0; g < BATCH; g++) {
            int64_t left = whole ? (int64_t)sizeof(bytes16) : bytes - g * GROUP_BYTES;
            t[r][g] = load_pixels(x + g * GROUP_BYTES, left);
        }
    }
    for (int r = 0; r < ROWS; r += VL) {
        for (int word = 0; word < BATCH * 4; word += VL) {
            vf m[VL];
            UNROLL
            for (int i = 0; i < VL; i++) {
                m[i] = v_load((const uint32_t *)t[r + i] + word);
            }
            v_transpose(m);
            UNROLL
            for (int j = 0; j < VL; j++) {
                int channel = (word + j) % 4;
                if (channel < CHANNELS) {
                    v_store(out + (word + j) / 4 * GROUP_LANES + channel * ROWS + r, m[j]);
                }
            }
        }
    }
}

// Sees to it that `count` groups from `first` on are in the window.
static void require(
    struct window *w, const struct ResizeRows *a, int64_t row, int64_t rows, int64_t first,
    int64_t count) {
    if (first < w->low || first > w->high) {
        w->low = w->high = first / BATCH * BATCH;
    }
    while (w->high < first + count) {
        pack(a, row, rows, w->high, w->groups[w->high % RING]);
        w->high += BATCH;
        w->low = max_i64(w->low, w->high - RING);
    }
}

// Output pixel x of ROWS rows, as [channel][row].
INLINE void resample_pixel(
    struct window *window, const struct ResizeRows *a, int64_t row, int64_t rows, int64_t x,
    uint8_t *out) {
    vi s[CHANNELS * ROW_VECTORS][TERMS] = {0};
    const int32_t *w = a->weights + x * a->taps;
    int64_t group = a->first[x] / TAPS, end = group + a->taps / TAPS;
    while (group < end) {
        int64_t count = min_i64(end - group, RING - BATCH);
        require(window, a, row, rows, group, count);
        for (; count > 0; count--, group++, w += TAPS) {
            const uint32_t *p = window->groups[group % RING];
            weights four;
            load_weights(four, w);
            UNROLL
            for (int i = 0; i < CHANNELS * ROW_VECTORS; i++) {
                add_products(s[i], four, load_words(p + i * VL));
            }
        }
    }
    UNROLL
    for (int i = 0; i < CHANNELS * ROW_VECTORS; i++) {
        store_samples(out + i * VL, s[i]);
    }
}

// Words [sample][quad] to the samples' places in each quad.
static void store_quads(
    const uint32_t *words, int64_t samples, int64_t quads, uint8_t *out, int64_t ldo) {
    for (int64_t q = 0; q < quads; q++) {
        uint32_t line[OUT_PIXELS * CHANNELS];
        for (int s = 0; s < OUT_PIXELS * CHANNELS; s++) {
            line[s] = words[s * (ROWS / 4) + q];
        }
        memcpy(out + q * ldo, line, (size_t)samples * 4);
    }
}

UNITS(ResizeRows, ResizeRows) { return ceil_div(ROW_COUNT(a), ROWS); }

KERNEL(ResizeRows, ResizeRows) {
    for (int64_t u = begin; u < end; u++) {
        int64_t row = u * ROWS;
        int64_t rows = min_i64(ROWS, ROW_COUNT(a) - row);
        struct window window;
        window.low = window.high = 0;
        uint8_t *out = a->out + row / 4 * a->ldo;
        for (int64_t x = 0; x < a->cols; x += OUT_PIXELS) {
            uint32_t words[OUT_PIXELS * GROUP_LANES / 4];
            int64_t pixels = min_i64(OUT_PIXELS, a->cols - x);
            for (int64_t i = 0; i < pixels; i++) {
                resample_pixel(
                    &window, a, row, rows, x + i, (uint8_t *)words + i * GROUP_LANES);
            }
            store_quads(
                words, pixels * CHANNELS, ceil_div(rows, 4), out + x * CHANNELS * 4, a->ldo);
        }
    }
}

// SUM_VECTORS vectors of samples from sample `at` of an output row; if not `whole`, only `left`
// samples are there.
INLINE void resample_samples(
    const struct ResizePlanes *a, int64_t row, int64_t at, const int whole, int64_t left,
    uint8_t *out) {
    vi s[SUM_VECTORS][TERMS] = {0};
    const int32_t *w = a->weights + row * a->taps;
    int64_t quad = a->first[row] / TAPS % a->ring;
    for (int64_t t = 0; t < a->taps; t += TAPS, quad = quad + 1 < a->ring ? quad + 1 : 0) {
        const uint8_t *p = a->x + quad * a->ldx + at * 4;
        weights four;
        load_weights(four, w + t);
        UNROLL
        for (int i = 0; i < SUM_VECTORS; i++) {
            int64_t more = whole ? VL : max_i64(left - i * VL, 0);
            add_products(s[i], four, (vi)v_load_run((const float *)p + i * VL, more));
        }
    }
    UNROLL
    for (int i = 0; i < SUM_VECTORS; i++) {
        store_samples(out + i * VL, s[i]);
    }
}

// Looks up and stores `pixels` pixels of a row of each plane.
static void store_planes(
    const struct ResizePlanes *a, const uint8_t *bytes, int64_t pixels, float *out) {
    float values[CHANNELS][SPAN];
    for (int64_t i = 0; i < pixels; i++) {
        UNROLL
        for (int c = 0; c < CHANNELS; c++) {
            values[c][i] = a->table[c * 256 + bytes[i * CHANNELS + c]];
        }
        // Loads one by one are faster than what a compiler makes of a vector of them.
        __asm__("" : "+r"(bytes));
    }
    for (int c = 0; c < CHANNELS; c++) {
        float *plane = out + c * a->planeStride;
        for (int64_t i = 0; i < pixels; i += VL) {
            v_store_run(plane + i, v_load(values[c] + i), pixels - i);
        }
    }
}

UNITS(ResizePlanes, ResizePlanes) { return ROW_COUNT(a); }

KERNEL(ResizePlanes, ResizePlanes) {
    for (int64_t row = begin; row < end; row++) {
        for (int64_t x = 0; x < a->cols; x += SPAN) {
            uint8_t bytes[SPAN_SAMPLES];
            int64_t pixels = min_i64(SPAN, a->cols - x);
            for (int64_t i = 0; i < pixels * CHANNELS; i += SUM_VECTORS * VL) {
                int64_t left = pixels * CHANNELS - i;
                if (left >= SUM_VECTORS * VL) {
                    resample_samples(a, row, x * CHANNELS + i, 1, 0, bytes + i);
                } else {
                    resample_samples(a, row, x * CHANNELS + i, 0, left, bytes + i);
                }
            }
            store_planes(a, bytes, pixels, a->out + row * a->ldo + x);
        }
    }
}
