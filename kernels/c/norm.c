// Normalisations. A unit is one row, but for groups. Sums run in float32 lanes, in an order fixed by the row's
// length; the last operations on a sum are in double precision.
#include "ocellus.h"
#include "simd.h"
#include "vmath.h"

static float sum_of(const float *x, int64_t n) {
    vf s = v_zero();
    for (int64_t i = 0; i < n; i += VL) {
        s += v_load_run(x + i, n - i);
    }
    return v_sum(s);
}

// Sum of (x - center)^2.
static float squares_of(const float *x, int64_t n, float center) {
    vf s = v_zero(), c = v_set(center);
    int64_t i = 0;
    for (; i + VL <= n; i += VL) {
        vf d = v_load(x + i) - c;
        s = v_fma(d, d, s);
    }
    if (i < n) {
        vf d = v_first(v_load_part(x + i, n - i) - c, n - i, v_zero());
        s = v_fma(d, d, s);
    }
    return v_sum(s);
}

static float inverse_root(double mean, double eps) {
    return (float)(1.0 / __builtin_sqrt(mean + eps));
}

UNITS(RmsNorm, RmsNorm) { return ROW_COUNT(a); }

KERNEL(RmsNorm, RmsNorm) {
    int64_t n = a->cols;
    for (int64_t r = begin; r < end; r++) {
        for (int64_t g = 0; g < a->groups; g++) {
            const float *x = a->x + r * a->ldx + g * n;
            float *out = a->out + r * a->ldo + g * n;
            vf scale = v_set(inverse_root((double)squares_of(x, n, 0) / (double)n, a->eps));
            for (int64_t i = 0; i < n; i += VL) {
                vf v = v_load_run(x + i, n - i) * scale * v_load_run(a->weight + i, n - i);
                v_store_run(out + i, v, n - i);
            }
        }
    }
}

UNITS(LayerNorm, LayerNorm) { return ROW_COUNT(a); }

KERNEL(LayerNorm, LayerNorm) {
    int64_t n = a->cols;
    for (int64_t r = begin; r < end; r++) {
        const float *x = a->x + r * a->ldx;
        float *out = a->out + r * a->ldo;
        float mean = (float)((double)sum_of(x, n) / (double)n);
        vf scale = v_set(inverse_root((double)squares_of(x, n, mean) / (double)n, a->eps));
        for (int64_t i = 0; i < n; i += VL) {
            vf v = (v_load_run(x + i, n - i) - v_set(mean)) * scale;
            v *= v_load_run(a->weight + i, n - i);
            if (a->bias) {
                v += v_load_run(a->bias + i, n - i);
            }
            v_store_run(out + i, v, n - i);
        }
    }
}

// Group normalisation has three launches, as all of an image decides each of its pixels: sums of
// each channel over blocks of pixels, from them the mean and factor of each channel, and the rest.
// Squares are summed around the mean of their block (Chan, Golub and LeVeque 1979).
//
// Scratch memory of an image: for each block the sums and then the sums of squares of all channels;
// after them the means and factors. GroupNormLaunches counts the same.
enum { BLOCK_PIXELS = 64, SPAN_VECTORS = 8 };

static int64_t pixel_blocks(const struct GroupNorm *a) { return ceil_div(a->pixels, BLOCK_PIXELS); }

static float *image_scratch(const struct GroupNorm *a, int64_t image) {
    return (float *)a->scratch + image * (pixel_blocks(a) + 1) * 2 * a->cols;
}

// Sums over `pixels` pixels of up to SPAN_VECTORS vectors of channels, of which `left` are there.
INLINE void sum_block(
    const struct GroupNorm *a, const float *x, int64_t pixels, int64_t left, float *sums,
    float *squares) {
    vf s[SPAN_VECTORS], q[SPAN_VECTORS];
    int64_t run[SPAN_VECTORS];
    UNROLL
    for (int i = 0; i < SPAN_VECTORS; i++) {
        s[i] = q[i] = v_zero();
        run[i] = min_i64(VL, max_i64(0, left - i * VL));
    }
    for (int64_t p = 0; p < pixels; p++) {
        UNROLL
        for (int i = 0; i < SPAN_VECTORS; i++) {
            s[i] += v_load_run(x + p * a->ldx + i * VL, run[i]);
        }
    }
    for (int64_t p = 0; p < pixels; p++) {
        UNROLL
        for (int i = 0; i < SPAN_VECTORS; i++) {
            vf mean = s[i] * v_set(1.0f / (float)pixels);
            vf d = v_load_run(x + p * a->ldx + i * VL, run[i]) - mean;
            q[i] = v_fma(d, d, q[i]);
        }
    }
    UNROLL
    for (int i = 0; i < SPAN_VECTORS; i++) {
        v_store_run(sums + i * VL, s[i], run[i]);
        v_store_run(squares + i * VL, q[i], run[i]);
    }
}

UNITS(GroupNormSums, GroupNorm) { return ROW_COUNT(a) * pixel_blocks(a); }

KERNEL(GroupNormSums, GroupNorm) {
    int64_t blocks = pixel_blocks(a);
    for (int64_t u = begin; u < end; u++) {
        int64_t image = u / blocks, block = u % blocks, first = block * BLOCK_PIXELS;
        int64_t pixels = min_i64(BLOCK_PIXELS, a->pixels - first);
        const float *x = a->x + (image * a->pixels + first) * a->ldx;
        float *sums = image_scratch(a, image) + block * 2 * a->cols;
        for (int64_t c = 0; c < a->cols; c += SPAN_VECTORS * VL) {
            sum_block(a, x + c, pixels, a->cols - c, sums + c, sums + a->cols + c);
        }
    }
}

UNITS(GroupNormScales, GroupNorm) { return ROW_COUNT(a) * a->groups; }

KERNEL(GroupNormScales, GroupNorm) {
    int64_t blocks = pixel_blocks(a), n = a->cols / a->groups;
    for (int64_t u = begin; u < end; u++) {
        int64_t c0 = u % a->groups * n;
        const float *sums = image_scratch(a, u / a->groups) + c0;
        float *means = image_scratch(a, u / a->groups) + blocks * 2 * a->cols + c0;
        double sum = 0, squares = 0;
        for (int64_t b = 0; b < blocks; b++) {
            for (int64_t c = 0; c < n; c++) {
                sum += (double)sums[b * 2 * a->cols + c];
            }
        }
        double count = (double)(a->pixels * n), mean = sum / count;
        for (int64_t b = 0; b < blocks; b++) {
            double pixels = (double)min_i64(BLOCK_PIXELS, a->pixels - b * BLOCK_PIXELS);
            for (int64_t c = 0; c < n; c++) {
                const float *s = sums + b * 2 * a->cols + c;
                double d = (double)s[0] / pixels - mean;
                squares += (double)s[a->cols] + pixels * d * d;
            }
        }
        float scale = inverse_root(squares / count, a->eps);
        for (int64_t c = 0; c < n; c++) {
            means[c] = (float)mean;
            means[a->cols + c] = scale * a->weight[c0 + c];
        }
    }
}

UNITS(GroupNorm, GroupNorm) { return ROW_COUNT(a) * a->pixels; }

KERNEL(GroupNorm, GroupNorm) {
    for (int64_t u = begin; u < end; u++) {
        const float *x = a->x + u * a->ldx;
        const float *means =
            image_scratch(a, u / a->pixels) + pixel_blocks(a) * 2 * a->cols;
        float *out = a->out + u * a->ldo;
        for (int64_t i = 0; i < a->cols; i += VL) {
            int64_t left = a->cols - i;
            vf v = v_load_run(x + i, left) - v_load_run(means + i, left);
            v = v * v_load_run(means + a->cols + i, left) + v_load_run(a->bias + i, left);
            v_store_run(out + i, v_activate(v, a->activation), left);
        }
    }
}
