// Convolution of images with channels last.
//
//   conv2d_f32, conv2d_f16, conv2d_bf16  float32 products, for weights of the type in the name: a
//                                        thread has 8 pixels times 4 outputs in registers. Each sum
//                                        is one chain in ascending k.
//   conv2d_bf16_mma                      bfloat16 products on tensor cores, float32 sums
//
// The patch of a pixel is a row of an implicit matrix, which a block gathers tile by tile into
// shared memory; it loads the next tile into registers while it multiplies the present one.
#include "quad.cuh"

namespace conv {

constexpr int THREADS = 256;
constexpr int PIXELS = 128, OUTPUTS = 64;  // of a block

// The patch of an output pixel: its upper left corner may lie outside the image.
struct patch {
    const float *image;  // null past the last pixel
    int y;
    int x;
};

__device__ __forceinline__ int64_t pixel_count(const struct Conv2d &a) {
    return ROW_COUNT(a) * a.outHeight * a.outWidth;
}

__device__ __forceinline__ patch patch_of(const struct Conv2d &a, int64_t pixel) {
    if (pixel >= pixel_count(a)) {
        return {nullptr, 0, 0};
    }
    int64_t area = a.outHeight * a.outWidth, image = pixel / area;
    int cell = static_cast<int>(pixel - image * area), width = static_cast<int>(a.outWidth);
    return {
        a.x + image * a.height * a.width * a.ldx,
        cell / width * static_cast<int>(a.stride) - static_cast<int>(a.padTop),
        cell % width * static_cast<int>(a.stride) - static_cast<int>(a.padLeft),
    };
}

// The channels of a patch under a tap of the filter, or null in the padding.
__device__ __forceinline__ const float *tap_of(const struct Conv2d &a, const patch &p, int tap) {
    int width = static_cast<int>(a.kernelWidth);
    int64_t y = p.y + tap / width * a.dilation, x = p.x + tap % width * a.dilation;
    bool inside = p.image && y >= 0 && y < a.height && x >= 0 && x < a.width;
    return inside ? p.image + (y * a.width + x) * a.ldx : nullptr;
}

// The elements [k, k + 4) of a patch; zero past its end.
__device__ __forceinline__ float4 load_patch(const struct Conv2d &a, const patch &p, int k) {
    int channels = static_cast<int>(a.inCols);
    int taps = static_cast<int>(a.kernelHeight * a.kernelWidth);
    int tap = k / channels, c = k - tap * channels;
    if (c + 4 <= channels) {
        const float *from = tap < taps ? tap_of(a, p, tap) : nullptr;
        return from ? load_quad(from + c, 4) : make_float4(0, 0, 0, 0);
    }
    float v[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const float *from = tap < taps ? tap_of(a, p, tap) : nullptr;
        v[i] = from ? from[c] : 0.0f;
        if (++c == channels) {
            c = 0;
            tap++;
        }
    }
    return make_float4(v[0], v[1], v[2], v[3]);
}

__device__ __forceinline__ int depth(const struct Conv2d &a) {
    return static_cast<int>(a.kernelHeight * a.kernelWidth * a.inCols);
}

// out = residual + act(sum + bias), with additions of their own: fused into a product in one place
// and not in another, they would give a pixel other bits.
__device__ __forceinline__ void finish(
    const struct Conv2d &a, int64_t pixel, int64_t j, int64_t pixels, float sum) {
    if (pixel >= pixels || j >= a.n) {
        return;
    }
    float v = activate(a.bias ? __fadd_rn(sum, a.bias[j]) : sum, a.activation);
    a.out[pixel * a.ldo + j] =
        a.residual ? __fadd_rn(v, a.residual[pixel * a.ldr + j]) : v;
}

// ---- float32 products --------------------------------------------------------------------------

constexpr int STEP = 16, STEP_QUADS = STEP / 4;         // of k at a time
constexpr int THREAD_PIXELS = 8, THREAD_OUTPUTS = 4;
constexpr int ROW_THREADS = OUTPUTS / THREAD_OUTPUTS;
constexpr int PATCH_QUADS = PIXELS * STEP_QUADS / THREADS;
// A padded row spreads the four stores of a quad over the banks.
constexpr int PIXELS_STRIDE = PIXELS + 4, OUTPUTS_STRIDE = OUTPUTS + 4;

struct tile {
    float x[STEP][PIXELS_STRIDE];
    float w[STEP][OUTPUTS_STRIDE];
};

template <int STRIDE>
__device__ __forceinline__ void store_column(float (&to)[STEP][STRIDE], int k, int at, float4 v) {
    to[k][at] = v.x;
    to[k + 1][at] = v.y;
    to[k + 2][at] = v.z;
    to[k + 3][at] = v.w;
}

__device__ __forceinline__ void multiply_tile(
    const tile &t, float (&sums)[THREAD_PIXELS][THREAD_OUTPUTS]) {
    int p = threadIdx.x / ROW_THREADS * THREAD_PIXELS;
    int j = threadIdx.x % ROW_THREADS * THREAD_OUTPUTS;
#pragma unroll
    for (int k = 0; k < STEP; k++) {
        float4 low = *reinterpret_cast<const float4 *>(&t.x[k][p]);
        float4 high = *reinterpret_cast<const float4 *>(&t.x[k][p + 4]);
        float4 w = *reinterpret_cast<const float4 *>(&t.w[k][j]);
        float x[] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
        for (int i = 0; i < THREAD_PIXELS; i++) {
            sums[i][0] = fmaf(x[i], w.x, sums[i][0]);
            sums[i][1] = fmaf(x[i], w.y, sums[i][1]);
            sums[i][2] = fmaf(x[i], w.z, sums[i][2]);
            sums[i][3] = fmaf(x[i], w.w, sums[i][3]);
        }
    }
}

// A thread's part of a tile on its way to shared memory. Neighbouring threads load neighbouring
// quads of a row.
template <int TYPE> struct loader {
    patch patches[PATCH_QUADS];
    float4 x[PATCH_QUADS];
    float4 w;

    static constexpr int ROWS = THREADS / STEP_QUADS;

    static __device__ __forceinline__ int row() { return threadIdx.x / STEP_QUADS; }

    static __device__ __forceinline__ int column() { return threadIdx.x % STEP_QUADS * 4; }

    __device__ __forceinline__ void start(const struct Conv2d &a, int64_t pixel) {
#pragma unroll
        for (int i = 0; i < PATCH_QUADS; i++) {
            patches[i] = patch_of(a, pixel + row() + i * ROWS);
        }
    }

    __device__ __forceinline__ void load(const struct Conv2d &a, int64_t output, int k, int end) {
        k += column();
        output += row();
#pragma unroll
        for (int i = 0; i < PATCH_QUADS; i++) {
            x[i] = load_patch(a, patches[i], k);
        }
        w = output < a.n && k < end ? load_quad_of(a.w, TYPE, output * end + k, end - k)
                                    : make_float4(0, 0, 0, 0);
    }

    __device__ __forceinline__ void store(tile &t) const {
#pragma unroll
        for (int i = 0; i < PATCH_QUADS; i++) {
            store_column(t.x, column(), row() + i * ROWS, x[i]);
        }
        store_column(t.w, column(), row(), w);
    }
};

template <int TYPE> __device__ __forceinline__ void convolve(const struct Conv2d &a) {
    __shared__ __align__(16) tile t;
    int64_t pixel = static_cast<int64_t>(blockIdx.x) * PIXELS, pixels = pixel_count(a);
    int64_t output = static_cast<int64_t>(blockIdx.y) * OUTPUTS;
    if (pixel >= pixels) {
        return;
    }
    int end = depth(a);
    loader<TYPE> next;
    float sums[THREAD_PIXELS][THREAD_OUTPUTS] = {};
    next.start(a, pixel);
    next.load(a, output, 0, end);
    for (int k = 0; k < end; k += STEP) {
        __syncthreads();
        next.store(t);
        __syncthreads();
        if (k + STEP < end) {
            next.load(a, output, k + STEP, end);
        }
        multiply_tile(t, sums);
    }
    pixel += threadIdx.x / ROW_THREADS * THREAD_PIXELS;
    output += threadIdx.x % ROW_THREADS * THREAD_OUTPUTS;
#pragma unroll
    for (int i = 0; i < THREAD_PIXELS; i++) {
#pragma unroll
        for (int j = 0; j < THREAD_OUTPUTS; j++) {
            finish(a, pixel + i, output + j, pixels, sums[i][j]);
        }
    }
}

// ---- bfloat16 products -------------------------------------------------------------------------

constexpr int MMA_STEP = 32;
// Padded rows stay 16-byte aligned and spread over the banks.
constexpr int MMA_STRIDE = MMA_STEP + 8;
constexpr int WARP_PIXELS = 32, WARP_OUTPUTS = 32;  // 4 x 2 warps
constexpr int MMA_QUADS = MMA_STEP / 4, MMA_ROWS = THREADS / MMA_QUADS;

struct mma_tile {
    uint16_t x[PIXELS][MMA_STRIDE];
    uint16_t w[OUTPUTS][MMA_STRIDE];
};

// As loader, rounded to bfloat16.
struct mma_loader {
    patch patches[PIXELS / MMA_ROWS];
    uint2 x[PIXELS / MMA_ROWS];
    uint2 w[OUTPUTS / MMA_ROWS];

    static __device__ __forceinline__ int row() { return threadIdx.x / MMA_QUADS; }

    static __device__ __forceinline__ int column() { return threadIdx.x % MMA_QUADS * 4; }

    __device__ __forceinline__ void start(const struct Conv2d &a, int64_t pixel) {
#pragma unroll
        for (int i = 0; i < PIXELS / MMA_ROWS; i++) {
            patches[i] = patch_of(a, pixel + row() + i * MMA_ROWS);
        }
    }

    __device__ __forceinline__ void load(const struct Conv2d &a, int64_t output, int k, int end) {
        k += column();
        output += row();
#pragma unroll
        for (int i = 0; i < PIXELS / MMA_ROWS; i++) {
            float4 v = load_patch(a, patches[i], k);
            x[i] = make_uint2(pack_bf16(v.x, v.y), pack_bf16(v.z, v.w));
        }
        const uint16_t *weights = reinterpret_cast<const uint16_t *>(a.w);
#pragma unroll
        for (int i = 0; i < OUTPUTS / MMA_ROWS; i++) {
            int64_t j = output + i * MMA_ROWS;
            w[i] = j < a.n && k < end ? load_half_quad(weights + j * end + k, end - k)
                                      : make_uint2(0, 0);
        }
    }

    __device__ __forceinline__ void store(mma_tile &t) const {
#pragma unroll
        for (int i = 0; i < PIXELS / MMA_ROWS; i++) {
            *reinterpret_cast<uint2 *>(&t.x[row() + i * MMA_ROWS][column()]) = x[i];
        }
#pragma unroll
        for (int i = 0; i < OUTPUTS / MMA_ROWS; i++) {
            *reinterpret_cast<uint2 *>(&t.w[row() + i * MMA_ROWS][column()]) = w[i];
        }
    }
};

// The fragments of a warp: 2 x 4 tiles of 16 pixels and 8 outputs.
__device__ __forceinline__ void multiply_mma_tile(
    const mma_tile &t, int pixel, int output, float (&sums)[2][4][4]) {
    int lane = lane_index();
#pragma unroll
    for (int k = 0; k < MMA_STEP; k += 16) {
        uint32_t x[2][4], w[2][4];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            ldmatrix_x4<false>(x[i], &t.x[pixel + i * 16 + lane % 16][k + lane / 16 * 8]);
            ldmatrix_x4<false>(
                w[i], &t.w[output + i * 16 + lane / 16 * 8 + lane % 8][k + lane / 8 % 2 * 8]);
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                mma_bf16(sums[i][j], x[i], w[j / 2][j % 2 * 2], w[j / 2][j % 2 * 2 + 1]);
            }
        }
    }
}

__device__ __forceinline__ void convolve_mma(const struct Conv2d &a) {
    __shared__ __align__(16) mma_tile t;
    int64_t pixel = static_cast<int64_t>(blockIdx.x) * PIXELS, pixels = pixel_count(a);
    int64_t output = static_cast<int64_t>(blockIdx.y) * OUTPUTS;
    if (pixel >= pixels) {
        return;
    }
    int end = depth(a);
    int warpPixel = warp_index() / 2 * WARP_PIXELS, warpOutput = warp_index() % 2 * WARP_OUTPUTS;
    mma_loader next;
    float sums[2][4][4] = {};
    next.start(a, pixel);
    next.load(a, output, 0, end);
    for (int k = 0; k < end; k += MMA_STEP) {
        __syncthreads();
        next.store(t);
        __syncthreads();
        if (k + MMA_STEP < end) {
            next.load(a, output, k + MMA_STEP, end);
        }
        multiply_mma_tile(t, warpPixel, warpOutput, sums);
    }
    pixel += warpPixel + lane_index() / 4;
    output += warpOutput + lane_index() % 4 * 2;
#pragma unroll
    for (int i = 0; i < 2; i++) {
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                finish(
                    a, pixel + i * 16 + e / 2 * 8, output + j * 8 + e % 2, pixels, sums[i][j][e]);
            }
        }
    }
}

}  // namespace conv

extern "C" __global__ void __launch_bounds__(256)
    conv2d_f32(const struct Conv2d a, const Mark mark) {
    begin(mark);
    conv::convolve<DTYPE_F32>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    conv2d_f16(const struct Conv2d a, const Mark mark) {
    begin(mark);
    conv::convolve<DTYPE_F16>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    conv2d_bf16(const struct Conv2d a, const Mark mark) {
    begin(mark);
    conv::convolve<DTYPE_BF16>(a);
}

extern "C" __global__ void __launch_bounds__(256)
    conv2d_bf16_mma(const struct Conv2d a, const Mark mark) {
    begin(mark);
    conv::convolve_mma(a);
}
