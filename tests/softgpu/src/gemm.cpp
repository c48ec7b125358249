#include "gemm.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace softgpu::blas {

namespace {

constexpr int SUCCESS = 0, ILLEGAL_ADDRESS = 700;  // of the driver

// A job computes a tile of this many rows and columns, from panels of MICRO_M and MICRO_N.
constexpr int64_t TILE = 64, MICRO_M = 4, MICRO_N = 3, LANES = 8;
typedef float Vector __attribute__((vector_size(32), aligned(4)));

std::vector<float> half_values() {
    std::vector<float> values(1 << 16);
    for (size_t i = 0; i < values.size(); i++) {
        __half_raw raw;
        raw.x = static_cast<unsigned short>(i);
        values[i] = __half2float(__half(raw));
    }
    return values;
}

std::vector<float> fp8_values(__nv_fp8_interpretation_t kind) {
    std::vector<float> values(1 << 8);
    for (size_t i = 0; i < values.size(); i++) {
        __half_raw raw = __nv_cvt_fp8_to_halfraw(static_cast<__nv_fp8_storage_t>(i), kind);
        values[i] = __half2float(__half(raw));
    }
    return values;
}

float widen_bf16(uint16_t x) {
    uint32_t bits = uint32_t(x) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

float round_tf32(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if ((bits >> 23 & 0xff) != 0xff) {  // not of infinities and NaNs
        bits = (bits + 0x1000) & ~0x1fffu;
    }
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

void store(void *array, int type, size_t i, double v) {
    switch (type) {
    case F64: static_cast<double *>(array)[i] = v; break;
    case F32: static_cast<float *>(array)[i] = float(v); break;
    case S32: static_cast<int *>(array)[i] = int(v); break;
    case F16: static_cast<__half *>(array)[i] = __float2half_rn(float(v)); break;
    case BF16: static_cast<__nv_bfloat16 *>(array)[i] = __float2bfloat16_rn(float(v)); break;
    case S8:
        static_cast<int8_t *>(array)[i] = int8_t(std::fmin(127, std::fmax(-128, std::rint(v))));
        break;
    default:
        static_cast<uint8_t *>(array)[i] = __nv_cvt_float_to_fp8(
            float(v), __NV_SATFINITE, type == FP8_E5M2 ? __NV_E5M2 : __NV_E4M3);
    }
}

bool is_inside(const Matrix &x, int64_t rows, int64_t columns) {
    if (x.transposed) {
        std::swap(rows, columns);
    }
    return rows <= 0 || columns <= 0 ||
           is_device(x.data, size_t(x.ld * (columns - 1) + rows) * bytes_of(x.type));
}

// Rows [begin, end) of a factor, depth contiguous, as floats, padded with zeros to `padded`.
void pack(std::vector<float> &to, const Gemm &g, const Matrix &x, bool depthContiguous,
          int64_t padded, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r++) {
        float *row = to.data() + (r - begin) * padded;
        for (int64_t i = 0; i < g.k; i++) {
            size_t at = size_t(depthContiguous ? r * x.ld + i : i * x.ld + r);
            row[i] = x.type == BF16 ? widen_bf16(static_cast<const uint16_t *>(x.data)[at])
                                    : float(load(x.data, x.type, at));
            if (g.tf32 && x.type == F32) {
                row[i] = round_tf32(row[i]);
            }
        }
    }
}

void finish(const Gemm &g, int64_t row, int64_t column, double sum) {
    double v = g.alpha * sum;
    if (g.beta != 0) {
        v += g.beta * load(g.c.data, g.c.type, size_t(column * g.c.ld + row));
    }
    if (g.epilogue) {
        v = g.epilogue(v, row, column);
    }
    store(const_cast<void *>(g.d.data), g.d.type, size_t(column * g.d.ld + row), v);
}

// One product after the other in double precision, which is exact for int8.
void exact_tile(const Gemm &g, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    for (int64_t j = j0; j < j1; j++) {
        for (int64_t i = i0; i < i1; i++) {
            double sum = 0;
            for (int64_t q = 0; q < g.k; q++) {
                size_t a = size_t(g.a.transposed ? i * g.a.ld + q : q * g.a.ld + i);
                size_t b = size_t(g.b.transposed ? q * g.b.ld + j : j * g.b.ld + q);
                sum += load(g.a.data, g.a.type, a) * load(g.b.data, g.b.type, b);
            }
            finish(g, i, j, sum);
        }
    }
}

void float_tile(const Gemm &g, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    const int64_t padded = (g.k + LANES - 1) / LANES * LANES;
    std::vector<float> a(size_t((TILE + MICRO_M) * padded)), b(size_t((TILE + MICRO_N) * padded));
    pack(a, g, g.a, g.a.transposed, padded, i0, i1);
    pack(b, g, g.b, !g.b.transposed, padded, j0, j1);
    for (int64_t j = j0; j < j1; j += MICRO_N) {
        for (int64_t i = i0; i < i1; i += MICRO_M) {
            Vector sums[MICRO_M][MICRO_N] = {};
            const float *x = a.data() + (i - i0) * padded, *y = b.data() + (j - j0) * padded;
            for (int64_t q = 0; q < padded; q += LANES) {
                for (int64_t e = 0; e < MICRO_M; e++) {
                    for (int64_t f = 0; f < MICRO_N; f++) {
                        sums[e][f] += *reinterpret_cast<const Vector *>(x + e * padded + q) *
                                      *reinterpret_cast<const Vector *>(y + f * padded + q);
                    }
                }
            }
            for (int64_t e = 0; e < std::min(MICRO_M, i1 - i); e++) {
                for (int64_t f = 0; f < std::min(MICRO_N, j1 - j); f++) {
                    float sum = 0;
                    for (int lane = 0; lane < LANES; lane++) {
                        sum += sums[e][f][lane];
                    }
                    finish(g, i + e, j + f, sum);
                }
            }
        }
    }
}

}  // namespace

size_t bytes_of(int type) {
    switch (type) {
    case F64: return 8;
    case F32:
    case S32: return 4;
    case F16:
    case BF16: return 2;
    case S8:
    case FP8_E4M3:
    case FP8_E5M2: return 1;
    default: return 0;
    }
}

bool is_fp8(int type) { return type == FP8_E4M3 || type == FP8_E5M2; }

double load(const void *array, int type, size_t i) {
    static const std::vector<float> halves = half_values();
    static const std::vector<float> e4m3 = fp8_values(__NV_E4M3), e5m2 = fp8_values(__NV_E5M2);
    switch (type) {
    case F64: return static_cast<const double *>(array)[i];
    case F32: return static_cast<const float *>(array)[i];
    case S32: return static_cast<const int *>(array)[i];
    case F16: return halves[static_cast<const uint16_t *>(array)[i]];
    case BF16: return widen_bf16(static_cast<const uint16_t *>(array)[i]);
    case S8: return static_cast<const int8_t *>(array)[i];
    default: return (type == FP8_E5M2 ? e5m2 : e4m3)[static_cast<const uint8_t *>(array)[i]];
    }
}

Status check_sizes(const Gemm &g) {
    auto fits = [](const Matrix &x, int64_t rows, int64_t columns) {
        return x.ld >= std::max<int64_t>(1, x.transposed ? columns : rows);
    };
    bool fit = g.m >= 0 && g.n >= 0 && g.k >= 0 && fits(g.a, g.m, g.k) && fits(g.b, g.k, g.n) &&
               fits(g.c, g.m, g.n) && fits(g.d, g.m, g.n);
    return fit ? OK : INVALID_VALUE;
}

Status check_types(int a, int b, int out, int compute) {
    auto all = [&](int type) { return a == type && b == type && out == type; };
    bool known = false;
    switch (compute) {
    case COMPUTE_S32: known = a == S8 && b == S8 && out == S32; break;
    case COMPUTE_F16: known = all(F16); break;
    case COMPUTE_F64: known = all(F64); break;
    case COMPUTE_F32:
    case COMPUTE_F32_PEDANTIC:
        known = all(F32) || (a == b && (a == F16 || a == BF16) && (out == a || out == F32)) ||
                (a == S8 && b == S8 && out == F32);
        break;
    case COMPUTE_F32_FAST_F16:
    case COMPUTE_F32_FAST_BF16:
    case COMPUTE_F32_FAST_TF32: known = all(F32); break;
    }
    return known ? OK : NOT_SUPPORTED;
}

int run(const Gemm &g) {
    if (!is_inside(g.a, g.m, g.k) || !is_inside(g.b, g.k, g.n) || !is_inside(g.d, g.m, g.n) ||
        (g.beta != 0 && !is_inside(g.c, g.m, g.n))) {
        report("a matrix of a product %ld x %ld x %ld lies outside the device's memory",
               static_cast<long>(g.m), static_cast<long>(g.n), static_cast<long>(g.k));
        return ILLEGAL_ADDRESS;
    }
    const bool exact = g.a.type == F64 || g.a.type == S8;
    const int64_t rows = (g.m + TILE - 1) / TILE, columns = (g.n + TILE - 1) / TILE;
    parallel(size_t(rows * columns), [&](size_t job) {
        int64_t i0 = int64_t(job) % rows * TILE, j0 = int64_t(job) / rows * TILE;
        int64_t i1 = std::min(g.m, i0 + TILE), j1 = std::min(g.n, j0 + TILE);
        (exact ? exact_tile : float_tile)(g, i0, i1, j0, j1);
    });
    const size_t element = bytes_of(g.d.type);
    for (int64_t j = 0; j < g.n; j++) {
        mark_written(static_cast<const char *>(g.d.data) + size_t(j * g.d.ld) * element,
                     size_t(g.m) * element);
    }
    return SUCCESS;
}

int use_workspace(void *workspace, size_t bytes) {
    if (!bytes) {
        return SUCCESS;
    }
    if (!is_device(workspace, bytes)) {
        report("a workspace of %zu bytes at %p lies outside the device's memory", bytes, workspace);
        return ILLEGAL_ADDRESS;
    }
    std::memset(workspace, 0xff, bytes);
    return SUCCESS;
}

}  // namespace softgpu::blas
