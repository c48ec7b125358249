// Linear layers with weights of float32, float16 and bfloat16, which are plain rows, of more rows of
// activations than matmul_few.cu takes. Their sums have the same bits.
//
// Kernels, with the rows of activations they are for:
//
//   matmul_tile_f32, _f16, _bf16   any number, products in float32: 64 x 64 tiles; a sum is one
//                                  chain in ascending k, as on the CPU
//   matmul_round                   any number: activations as bfloat16, for the next and for
//                                  products of a library
//   matmul_tile_mma                any number, products in bfloat16: 64 x 64 tiles on tensor
//                                  cores, three stages of asynchronous copies
//   matmul_copy                    any number: the activations that count, for a library's product
//   matmul_finish, _rounded        any number: what follows the sums of a library's product; the
//                                  output in float32, or in bfloat16 with each row where its float32
//                                  row would begin
#include "product.cuh"

// ---- tiles, float32 ----------------------------------------------------------------------------

// Weight rows and rows of activations of a tile.
constexpr int TILE = 64;
constexpr int TILE_STRIPS = TILE / STRIP;

// Block: 128 threads. In shared memory a tile of weights is [k][TILE], the first rows of its strips
// before the second: thread 8 y + x has columns 4 x and 32 + 4 x on, so gate and up of an output,
// and rows of activations 4 y on.
template <class W> __device__ __forceinline__ void tile(const MatMul &a) {
    constexpr int DEPTH = 16;
    constexpr int PITCH = TILE + 4;
    __shared__ __align__(16) float weights[DEPTH][PITCH], xs[DEPTH][PITCH];
    int64_t rows = ROW_COUNT(a), firstRow = static_cast<int64_t>(blockIdx.y) * TILE;
    if (firstRow >= rows) {
        return;
    }
    const W *w = reinterpret_cast<const W *>(a.w);
    bool wAligned = rows_aligned(w, a.k), xAligned = rows_aligned(a.x, a.ldx);
    int64_t firstStrip = static_cast<int64_t>(blockIdx.x) * TILE_STRIPS;
    // Each thread loads half a row of both.
    int line = threadIdx.x % TILE, part = threadIdx.x / TILE * 8;
    int64_t strip = firstStrip + line / 8 % TILE_STRIPS;
    int stripRow = line / 32 * 8 + line % 8;
    const W *wRow = w + strip_row(a, strip, stripRow) * a.k;
    // The products with a row that does not count are not asked for either.
    const float *xRow = a.x + min_i64(firstRow + line, rows - 1) * a.ldx;
    float nextW[8], nextX[8];
    auto load = [&](int64_t from) {
        int64_t k = from + part;
        load_eight(nextW, wRow + k, a.k - k, wAligned && k + 8 <= a.k);
        load_eight(nextX, xRow + k, a.k - k, xAligned && k + 8 <= a.k);
    };
    int x = threadIdx.x % 8 * 4, y = threadIdx.x / 8 * 4;
    float sum[4][2][4] = {};
    auto step = [&](int k) {
        float4 low = *reinterpret_cast<const float4 *>(&weights[k][x]);
        float4 high = *reinterpret_cast<const float4 *>(&weights[k][TILE / 2 + x]);
        float4 rowsOf = *reinterpret_cast<const float4 *>(&xs[k][y]);
        float ws[2][4] = {{low.x, low.y, low.z, low.w}, {high.x, high.y, high.z, high.w}};
        float xr[4] = {rowsOf.x, rowsOf.y, rowsOf.z, rowsOf.w};
#pragma unroll
        for (int r = 0; r < 4; r++) {
#pragma unroll
            for (int e = 0; e < 8; e++) {
                sum[r][e / 4][e % 4] = fmaf(xr[r], ws[e / 4][e % 4], sum[r][e / 4][e % 4]);
            }
        }
    };
    load(0);
    for (int64_t from = 0; from < a.k; from += DEPTH) {
#pragma unroll
        for (int e = 0; e < 8; e++) {
            weights[part + e][line] = nextW[e];
            xs[part + e][line] = nextX[e];
        }
        __syncthreads();
        load(from + DEPTH);
        if (a.k - from >= DEPTH) {
#pragma unroll
            for (int k = 0; k < DEPTH; k++) {
                step(k);
            }
        } else {
            for (int k = 0; k < a.k - from; k++) {
                step(k);
            }
        }
        __syncthreads();
    }
    strip = firstStrip + x / 8;
#pragma unroll
    for (int e = 0; e < 16; e++) {
        int64_t row = firstRow + y + e / 4, j = strip_output(a, strip, x % 8 + e % 4);
        float low = sum[e / 4][0][e % 4], high = sum[e / 4][1][e % 4];
        finish_pair(a, row, j, low, high, rows);
    }
}

extern "C" __global__ void __launch_bounds__(128) matmul_tile_f32(const MatMul a, const Mark mark) {
    begin(mark);
    tile<float>(a);
}

extern "C" __global__ void __launch_bounds__(128) matmul_tile_f16(const MatMul a, const Mark mark) {
    begin(mark);
    tile<f16>(a);
}

extern "C" __global__ void __launch_bounds__(128)
    matmul_tile_bf16(const MatMul a, const Mark mark) {
    begin(mark);
    tile<bf16>(a);
}

// ---- tiles, bfloat16 ---------------------------------------------------------------------------

// Elements between rows of rounded activations, of whole 16-byte vectors.
__device__ __forceinline__ int64_t rounded_pitch(const MatMul &a) { return ceil_div(a.k, 8) * 8; }

// Block: 128 threads, each eight columns of row blockIdx.x, to bfloat16 [rows, pitch] at scratch;
// columns past k are zero.
extern "C" __global__ void __launch_bounds__(128) matmul_round(const MatMul a, const Mark mark) {
    begin(mark);
    int64_t row = blockIdx.x, k = (static_cast<int64_t>(blockIdx.y) * 128 + threadIdx.x) * 8;
    if (row >= ROW_COUNT(a) || k >= a.k) {
        return;
    }
    bf16 *out = static_cast<bf16 *>(a.scratch) + row * rounded_pitch(a) + k;
    *reinterpret_cast<uint4 *>(out) =
        load_rounded(a.x + row * a.ldx + k, a.k - k, rows_aligned(a.x, a.ldx) && k + 8 <= a.k);
}

// Block: four warps, each 32 x 32 of the tile. The activations are those that matmul_round left at
// scratch. A row of a stage is eight vectors; odd rows have their halves exchanged, so that two
// rows fill all banks.
extern "C" __global__ void __launch_bounds__(128) matmul_tile_mma(const MatMul a, const Mark mark) {
    begin(mark);
    constexpr int THREADS = 128, VECTORS = 8, STAGES = 3;
    constexpr int DEPTH = VECTORS * 8;
    __shared__ __align__(16) uint4 stages[STAGES][2][TILE * VECTORS];
    int64_t rows = ROW_COUNT(a), firstRow = static_cast<int64_t>(blockIdx.y) * TILE;
    if (firstRow >= rows) {
        return;
    }
    const bf16 *w = reinterpret_cast<const bf16 *>(a.w);
    const bf16 *x = static_cast<const bf16 *>(a.scratch);
    bool wAligned = rows_aligned(w, a.k);
    int64_t pitch = rounded_pitch(a), firstStrip = static_cast<int64_t>(blockIdx.x) * TILE_STRIPS;
    auto place = [](int row, int vector) { return row * VECTORS + (vector ^ row % 2 * 4); };
    auto load = [&](int64_t from, int stage) {
#pragma unroll
        for (int v = threadIdx.x; v < TILE * VECTORS; v += THREADS) {
            int line = v / VECTORS;
            int64_t k = from + v % VECTORS * 8, strip = firstStrip + line / STRIP;
            uint4 *to = &stages[stage][0][place(line, v % VECTORS)];
            const bf16 *p = w + strip_row(a, strip, line % STRIP) * a.k + k;
            if (wAligned) {
                cp_async16(to, k < a.k ? p : w, k < a.k);
            } else {
                *to = load_bits(p, a.k - k, false);
            }
            bool valid = firstRow + line < rows && k < a.k;
            cp_async16(&stages[stage][1][place(line, v % VECTORS)],
                       valid ? x + (firstRow + line) * pitch + k : x, valid);
        }
    };
    int g = lane_index() / 4, t = lane_index() % 4;
    int warpWeights = warp_index() / 2 * 32, warpRows = warp_index() % 2 * 32;
    float range[2][4][4] = {}, total[2][4][4] = {};
    for (int s = 0; s < STAGES - 1; s++) {
        load(s * DEPTH, s);
        cp_async_commit();
    }
    for (int64_t from = 0, s = 0; from < a.k; from += DEPTH, s++) {
        cp_async_wait<STAGES - 2>();
        // Also: no warp is at the stage that is filled next.
        __syncthreads();
        load(from + (STAGES - 1) * DEPTH, static_cast<int>((s + STAGES - 1) % STAGES));
        cp_async_commit();
        const uint4(*stage)[TILE * VECTORS] = stages[s % STAGES];
#pragma unroll
        for (int p = 0; p < DEPTH / PAIR; p++) {
            uint4 low[2], high[2];
#pragma unroll
            for (int m = 0; m < 2; m++) {
                low[m] = stage[0][place(warpWeights + m * STRIP + g, p * 4 + t)];
                high[m] = stage[0][place(warpWeights + m * STRIP + 8 + g, p * 4 + t)];
            }
#pragma unroll
            for (int q = 0; q < 4; q++) {
                uint4 xs = stage[1][place(warpRows + q * 8 + g, p * 4 + t)];
                mma_pair(range[0][q], low[0], high[0], xs);
                mma_pair(range[1][q], low[1], high[1], xs);
            }
        }
        if ((from + DEPTH) % RANGE == 0 || from + DEPTH >= a.k) {
#pragma unroll
            for (int e = 0; e < 32; e++) {
                total[e / 16][e / 4 % 4][e % 4] += range[e / 16][e / 4 % 4][e % 4];
                range[e / 16][e / 4 % 4][e % 4] = 0;
            }
        }
    }
    cp_async_wait<0>();
#pragma unroll
    for (int e = 0; e < 16; e++) {
        int m = e / 8, q = e / 2 % 4, column = e % 2;
        int64_t strip = firstStrip + warpWeights / STRIP + m;
        int64_t row = firstRow + warpRows + q * 8 + 2 * t + column;
        int64_t j = strip_output(a, strip, g);
        finish_pair(a, row, j, total[m][q][column], total[m][q][2 + column], rows);
    }
}

// ---- around a library's product ----------------------------------------------------------------

// Block: 128 threads, each four columns of row blockIdx.x, to float32 [rows, k] at scratch. Rows
// that do not count may lie where nothing may be read, but a library reads them.
extern "C" __global__ void __launch_bounds__(128) matmul_copy(const MatMul a, const Mark mark) {
    begin(mark);
    int64_t row = blockIdx.x, k = (static_cast<int64_t>(blockIdx.y) * 128 + threadIdx.x) * 4;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    const float *x = a.x + row * a.ldx + k;
    float *out = static_cast<float *>(a.scratch) + row * a.k + k;
    if (rows_aligned(a.x, a.ldx) && a.k % 4 == 0 && k < a.k) {
        *reinterpret_cast<uint4 *>(out) = *reinterpret_cast<const uint4 *>(x);
        return;
    }
    for (int e = 0; e < 4 && k + e < a.k; e++) {
        out[e] = x[e];
    }
}

// Eight neighbouring columns of a row, of which `left` exist.
struct Columns {
    float v[8];

    // Of an operand that may be missing: then all are `otherwise`.
    __device__ __forceinline__ void load(const float *p, int64_t j, int64_t left,
                                         float otherwise) {
        if (p) {
            load_eight(v, p + j, left, left >= 8 && is_aligned16(p + j));
            return;
        }
#pragma unroll
        for (float &e : v) {
            e = otherwise;
        }
    }

    __device__ __forceinline__ void activate_all(int64_t activation) {
#pragma unroll
        for (int i = 0; i < 8; i += 4) {
            float4 quad = activate(make_float4(v[i], v[i + 1], v[i + 2], v[i + 3]), activation);
            v[i] = quad.x;
            v[i + 1] = quad.y;
            v[i + 2] = quad.z;
            v[i + 3] = quad.w;
        }
    }

    template <class T> __device__ __forceinline__ void store(T *p, int64_t left) const {
        if (left >= 8 && is_aligned16(p)) {
#pragma unroll
            for (int i = 0; i < 8; i += VECTOR<T>) {
                float part[VECTOR<T>];
#pragma unroll
                for (int e = 0; e < VECTOR<T>; e++) {
                    part[e] = v[i + e];
                }
                store_vector(p + i, part);
            }
            return;
        }
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (i < left) {
                p[i] = from_float<T>(v[i]);
            }
        }
    }
};

// Block: 128 threads, each eight columns of row blockIdx.x; scratch holds the sums without gaps, of a
// gated layer those of the gates and then those of the ups. All is asked for before any of it is
// awaited.
template <class T> __device__ __forceinline__ void finish_columns(const MatMul &a) {
    int64_t row = blockIdx.x, j = (static_cast<int64_t>(blockIdx.y) * 128 + threadIdx.x) * 8;
    if (row >= ROW_COUNT(a) || j >= a.n) {
        return;
    }
    int64_t left = a.n - j;
    const float *sums = static_cast<const float *>(a.scratch) + row * a.n * (a.gated ? 2 : 1);
    Columns sum, bias, factor, residual;
    sum.load(sums, j, left, 0);
    factor.load(a.gated ? sums + a.n : a.scale, j, left, 1);
    bias.load(a.bias, j, left, 0);
    residual.load(a.residual ? a.residual + row * a.ldr : nullptr, j, left, 0);
    if (a.bias) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            sum.v[i] = __fadd_rn(sum.v[i], bias.v[i]);
        }
    }
    if (a.activation != ACTIVATION_NONE) {
        sum.activate_all(a.activation);
    }
#pragma unroll
    for (int i = 0; i < 8; i++) {
        sum.v[i] = finished(a, sum.v[i], factor.v[i], residual.v[i]);
    }
    sum.store(output_row<T>(a.out, a.ldo, row) + j, left);
}

extern "C" __global__ void __launch_bounds__(128) matmul_finish(const MatMul a, const Mark mark) {
    begin(mark);
    finish_columns<float>(a);
}

extern "C" __global__ void __launch_bounds__(128)
    matmul_finish_rounded(const MatMul a, const Mark mark) {
    begin(mark);
    finish_columns<bf16>(a);
}
