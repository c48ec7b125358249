// Images and token grids.
//
//   patchify         one thread for each element of a patch
//   assemble_tokens  one thread for four columns of a token
//   pixel_unshuffle  one thread for four columns of a source cell
//   resize_rows      horizontal pass of resampling: one thread for an output pixel of four rows
//   resize_planes    vertical pass: one thread for a pixel of an output row
//
// Both passes of resampling sum in integers modulo 2^32, exactly; see KernelCall.
#include "quad.cuh"

extern "C" __global__ void __launch_bounds__(256)
    patchify(const struct Patchify a, const Mark mark) {
    begin(mark);
    int64_t high = a.height / a.patch, wide = a.width / a.patch;
    int64_t cols = a.channels * a.patch * a.patch;
    int64_t row = grid_index() / cols, col = grid_index() - row * cols;
    int64_t image = row / (high * wide), cell = row - image * high * wide;
    if (image >= ROW_COUNT(a)) {
        return;
    }
    int64_t line = col / a.patch, kx = col - line * a.patch;
    int64_t channel = line / a.patch, ky = line - channel * a.patch;
    int64_t y = cell / wide * a.patch + ky, x = cell % wide * a.patch + kx;
    int64_t plane = image * a.channels + channel;
    a.out[row * a.ldo + col] = a.pixels[(plane * a.height + y) * a.width + x];
}

extern "C" __global__ void __launch_bounds__(256)
    assemble_tokens(const struct AssembleTokens a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    int64_t image = q.row / (1 + a.tokens), token = q.row - image * (1 + a.tokens);
    if (image >= ROW_COUNT(a)) {
        return;
    }
    const float *from =
        token == 0 ? a.cls : a.patches + (image * a.tokens + token - 1) * a.ldp;
    float4 v = load_quad(from + q.col, q.left);
    float4 p = load_quad(a.position + token * a.cols + q.col, q.left);
    v = make_float4(v.x + p.x, v.y + p.y, v.z + p.z, v.w + p.w);
    store_quad(a.out + q.row * a.ldo + q.col, q.left, v);
}

extern "C" __global__ void __launch_bounds__(256)
    pixel_unshuffle(const struct PixelUnshuffle a, const Mark mark) {
    begin(mark);
    // A row of the quads is a source cell.
    quad q = quad_of(a.cols);
    int64_t area = a.height * a.width;
    int64_t image = q.row / area, cell = q.row - image * area;
    if (image >= ROW_COUNT(a)) {
        return;
    }
    int64_t y = cell / a.width, x = cell - y * a.width;
    int64_t high = a.height / a.block, wide = a.width / a.block;
    int64_t outY = y / a.block, outX = x / a.block;
    int64_t part = (y - outY * a.block) * a.block + x - outX * a.block;
    int64_t place = a.transposed ? outX * high + outY : outY * wide + outX;
    const float *from = a.x + (image * (a.skip + area) + a.skip + cell) * a.ldx + q.col;
    float *to = a.out + (image * high * wide + place) * a.ldo + part * a.cols + q.col;
    store_quad(to, q.left, load_quad(from, q.left));
}

namespace resize {

constexpr int CHANNELS = 3, TAPS = 4, ROWS = 4;
constexpr int PRECISION = 22;  // fraction bits of a weight

// A sum rounded to a whole number and clipped to 0 to 255. Unsigned, as sums may wrap around.
__device__ __forceinline__ uint32_t clipped(uint32_t sum) {
    int value = static_cast<int>(sum + (1u << (PRECISION - 1))) >> PRECISION;
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

// The next four weights, the same access for every output that shares them.
__device__ __forceinline__ int4 load_weights(const int32_t *w) {
    if (aligned_to(w, 16)) {
        return *reinterpret_cast<const int4 *>(w);
    }
    return make_int4(w[0], w[1], w[2], w[3]);
}

// The four bytes of a quad of rows.
__device__ __forceinline__ uint32_t load_word(const uint8_t *p) {
    if (aligned_to(p, 4)) {
        return *reinterpret_cast<const uint32_t *>(p);
    }
    return p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24;
}

__device__ __forceinline__ void store_word(uint8_t *p, uint32_t word) {
    if (aligned_to(p, 4)) {
        *reinterpret_cast<uint32_t *>(p) = word;
        return;
    }
    for (int i = 0; i < 4; i++) {
        p[i] = word >> (8 * i) & 255;
    }
}

// Adds the weights times the pixels [first, first + 4) of a row, of which `left` are there.
__device__ __forceinline__ void add_pixels(
    uint32_t (&sum)[CHANNELS], int4 w, const uint8_t *pixels, int64_t left) {
    int32_t weight[TAPS] = {w.x, w.y, w.z, w.w};
#pragma unroll
    for (int t = 0; t < TAPS; t++) {
        if (t < left) {
#pragma unroll
            for (int c = 0; c < CHANNELS; c++) {
                sum[c] += static_cast<uint32_t>(weight[t]) * pixels[t * CHANNELS + c];
            }
        }
    }
}

}  // namespace resize

extern "C" __global__ void __launch_bounds__(256)
    resize_rows(const struct ResizeRows a, const Mark mark) {
    begin(mark);
    using namespace resize;
    int64_t quad = grid_index() / a.cols, pixel = grid_index() - quad * a.cols;
    int64_t row = quad * ROWS, rows = ROW_COUNT(a) - row;
    if (rows <= 0) {
        return;
    }
    uint32_t sum[ROWS][CHANNELS] = {};
    const int32_t *w = a.weights + pixel * a.taps;
    int64_t first = a.first[pixel];
    for (int64_t t = 0; t < a.taps && first + t < a.inCols; t += TAPS) {
        int4 weights = load_weights(w + t);
        const uint8_t *x = a.x + row * a.ldx + (first + t) * CHANNELS;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            if (r < rows) {
                add_pixels(sum[r], weights, x + r * a.ldx, a.inCols - first - t);
            }
        }
    }
    uint8_t *out = a.out + quad * a.ldo + pixel * CHANNELS * ROWS;
#pragma unroll
    for (int c = 0; c < CHANNELS; c++) {
        // A row that is not there has the sum zero, and so the sample zero.
        uint32_t word = clipped(sum[0][c]) | clipped(sum[1][c]) << 8 | clipped(sum[2][c]) << 16
            | clipped(sum[3][c]) << 24;
        store_word(out + c * ROWS, word);
    }
}

extern "C" __global__ void __launch_bounds__(256)
    resize_planes(const struct ResizePlanes a, const Mark mark) {
    begin(mark);
    using namespace resize;
    int64_t row = grid_index() / a.cols, pixel = grid_index() - row * a.cols;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    uint32_t sum[CHANNELS] = {};
    const int32_t *w = a.weights + row * a.taps;
    int64_t quad = a.first[row] / ROWS % a.ring;
    for (int64_t t = 0; t < a.taps; t += TAPS) {
        int4 weights = load_weights(w + t);
        const uint8_t *x = a.x + quad * a.ldx + pixel * CHANNELS * ROWS;
#pragma unroll
        for (int c = 0; c < CHANNELS; c++) {
            uint32_t bytes = load_word(x + c * ROWS);
            sum[c] += static_cast<uint32_t>(weights.x) * (bytes & 255)
                + static_cast<uint32_t>(weights.y) * (bytes >> 8 & 255)
                + static_cast<uint32_t>(weights.z) * (bytes >> 16 & 255)
                + static_cast<uint32_t>(weights.w) * (bytes >> 24);
        }
        quad = quad + 1 < a.ring ? quad + 1 : 0;
    }
#pragma unroll
    for (int c = 0; c < CHANNELS; c++) {
        a.out[c * a.planeStride + row * a.ldo + pixel] = a.table[c * 256 + clipped(sum[c])];
    }
}
