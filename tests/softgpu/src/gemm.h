// The matrix product behind the emulated cuBLAS and cuBLASLt: column-major, on the host, deterministic.
#pragma once
#include "softgpu_runtime.h"
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>
#include <vector_types.h>
#include <cuda_fp16.h>
#include <cuda_bf16.h>
#include <cuda_fp8.h>

namespace softblas {

enum Type : int { R32F = 0, R64F = 1, R16F = 2, R8I = 3, R32I = 10, R16BF = 14, E4M3 = 28, E5M2 = 29 };
enum Status : int { Ok = 0, NotInitialized = 1, InvalidValue = 7, ExecutionFailed = 13, NotSupported = 15 };
enum Compute : int { C16F = 64, C32F = 68, C32FPedantic = 69, C64F = 70, C32I = 72, C32FFast16F = 74, C32FFast16BF = 75, C32FTF32 = 77 };

inline size_t bytes(int t) {
  switch (t) { case R64F: return 8; case R32F: case R32I: return 4; case R16F: case R16BF: return 2; case R8I: case E4M3: case E5M2: return 1; default: return 0; }
}
inline const float* halfTable() {
  static const std::vector<float> t = [] { std::vector<float> v(65536); for (int i = 0; i < 65536; i++) { __half_raw r; r.x = (unsigned short)i; v[size_t(i)] = __half2float(__half(r)); } return v; }();
  return t.data();
}
inline const float* fp8Table(bool e5) {
  auto make = [](__nv_fp8_interpretation_t k) { std::vector<float> v(256); for (int i = 0; i < 256; i++) v[size_t(i)] = __half2float(__half(__nv_cvt_fp8_to_halfraw((__nv_fp8_storage_t)i, k))); return v; };
  static const std::vector<float> a = make(__NV_E4M3), b = make(__NV_E5M2);
  return (e5 ? b : a).data();
}
inline double load(const void* p, int t, size_t i) {
  switch (t) {
    case R64F: return static_cast<const double*>(p)[i];
    case R32F: return static_cast<const float*>(p)[i];
    case R32I: return static_cast<const int*>(p)[i];
    case R16F: return halfTable()[static_cast<const uint16_t*>(p)[i]];
    case R16BF: { uint32_t b = uint32_t(static_cast<const uint16_t*>(p)[i]) << 16; float f; std::memcpy(&f, &b, 4); return f; }
    case R8I: return static_cast<const int8_t*>(p)[i];
    default: return fp8Table(t == E5M2)[static_cast<const uint8_t*>(p)[i]];
  }
}
inline void store(void* p, int t, size_t i, double v) {
  switch (t) {
    case R64F: static_cast<double*>(p)[i] = v; break;
    case R32F: static_cast<float*>(p)[i] = float(v); break;
    case R32I: static_cast<int*>(p)[i] = int(v); break;
    case R16F: static_cast<__half*>(p)[i] = __float2half_rn(float(v)); break;
    case R16BF: static_cast<__nv_bfloat16*>(p)[i] = __float2bfloat16_rn(float(v)); break;
    case R8I: static_cast<int8_t*>(p)[i] = int8_t(std::fmin(127, std::fmax(-128, std::rint(v)))); break;
    default: static_cast<uint8_t*>(p)[i] = __nv_cvt_float_to_fp8(float(v), __NV_SATFINITE, t == E5M2 ? __NV_E5M2 : __NV_E4M3);
  }
}

struct Gemm {
  bool ta, tb;
  int64_t m, n, k;
  const void* a; int at; int64_t lda;
  const void* b; int bt; int64_t ldb;
  const void* c; int ct; int64_t ldc;
  void* d; int dt; int64_t ldd;
  double alpha, beta;
  std::function<double(double v, int64_t i, int64_t j)> epilogue;
};

inline bool inside(const void* p, int t, int64_t rows, int64_t cols, int64_t ld) {
  return rows <= 0 || cols <= 0 || softgpu::isDevice(p, (size_t(ld) * size_t(cols - 1) + size_t(rows)) * bytes(t));
}
inline Status check(const Gemm& g) {
  if (g.m < 0 || g.n < 0 || g.k < 0) return InvalidValue;
  if (g.lda < std::max<int64_t>(1, g.ta ? g.k : g.m) || g.ldb < std::max<int64_t>(1, g.tb ? g.n : g.k) || g.ldc < std::max<int64_t>(1, g.m) || g.ldd < std::max<int64_t>(1, g.m)) return InvalidValue;
  return Ok;
}
inline Status typesOf(int a, int b, int c, int compute) {
  if (compute == C32I) return a == R8I && b == R8I && c == R32I ? Ok : NotSupported;
  if (compute == C16F) return a == R16F && b == R16F && c == R16F ? Ok : NotSupported;
  if (compute == C64F) return a == R64F && b == R64F && c == R64F ? Ok : NotSupported;
  if (a != b && !(a >= E4M3 && b >= E4M3)) return NotSupported;
  if (a == R32F) return c == R32F ? Ok : NotSupported;
  if (a == R16F || a == R16BF) return c == a || c == R32F ? Ok : NotSupported;
  if (a == R8I) return c == R32F ? Ok : NotSupported;
  return a >= E4M3 ? Ok : NotSupported;
}

typedef float v8 __attribute__((vector_size(32), aligned(4)));

// Rows of op(X), depth contiguous, as floats; rows padded to a multiple of 8.
inline void pack(float* to, int64_t kp, const void* x, int t, int64_t ld, bool depthContiguous, int64_t r0, int64_t r1, int64_t k) {
  for (int64_t r = r0; r < r1; r++) {
    float* row = to + (r - r0) * kp;
    if (depthContiguous && t == R16BF) {
      auto s = static_cast<const uint16_t*>(x) + r * ld;
      for (int64_t i = 0; i < k; i++) { uint32_t b = uint32_t(s[i]) << 16; std::memcpy(&row[i], &b, 4); }
    } else for (int64_t i = 0; i < k; i++) row[i] = float(load(x, t, size_t(depthContiguous ? r * ld + i : i * ld + r)));
    for (int64_t i = k; i < kp; i++) row[i] = 0;
  }
}

inline void run(const Gemm& g) {
  constexpr int64_t MB = 64, NB = 64;
  bool wide = g.at == R64F || g.at == R8I;             // doubles hold int8 products exactly
  int64_t kp = (g.k + 7) & ~int64_t(7), mb = (g.m + MB - 1) / MB, nb = (g.n + NB - 1) / NB;
  softgpu::parallel(size_t(mb * nb), [&](size_t job) {
    int64_t i0 = int64_t(job) % mb * MB, j0 = int64_t(job) / mb * NB, i1 = std::min(g.m, i0 + MB), j1 = std::min(g.n, j0 + NB);
    auto out = [&](int64_t i, int64_t j, double s) {
      double v = g.alpha * s;
      if (g.beta != 0) v += g.beta * load(g.c, g.ct, size_t(j * g.ldc + i));
      if (g.epilogue) v = g.epilogue(v, i, j);
      store(g.d, g.dt, size_t(j * g.ldd + i), v);
    };
    if (wide) {
      for (int64_t j = j0; j < j1; j++)
        for (int64_t i = i0; i < i1; i++) {
          double s = 0;
          for (int64_t q = 0; q < g.k; q++) s += load(g.a, g.at, size_t(g.ta ? i * g.lda + q : q * g.lda + i)) * load(g.b, g.bt, size_t(g.tb ? q * g.ldb + j : j * g.ldb + q));
          out(i, j, s);
        }
      return;
    }
    std::vector<float> pa(size_t((MB + 3) * kp + 8)), pb(size_t((NB + 3) * kp + 8));
    pack(pa.data(), kp, g.a, g.at, g.lda, g.ta, i0, i1, g.k);
    pack(pb.data(), kp, g.b, g.bt, g.ldb, !g.tb, j0, j1, g.k);
    for (int64_t j = j0; j < j1; j += 3)
      for (int64_t i = i0; i < i1; i += 4) {
        v8 s[4][3] = {};
        const float *x = pa.data() + (i - i0) * kp, *y = pb.data() + (j - j0) * kp;
        for (int64_t q = 0; q < kp; q += 8) {
          v8 u[4], w[3];
          for (int e = 0; e < 4; e++) u[e] = *reinterpret_cast<const v8*>(x + e * kp + q);
          for (int f = 0; f < 3; f++) w[f] = *reinterpret_cast<const v8*>(y + f * kp + q);
          for (int e = 0; e < 4; e++)
            for (int f = 0; f < 3; f++) s[e][f] += u[e] * w[f];
        }
        for (int e = 0; e < 4 && i + e < i1; e++)
          for (int f = 0; f < 3 && j + f < j1; f++) {
            float t = 0;
            for (int z = 0; z < 8; z++) t += s[e][f][z];
            out(i + e, j + f, t);
          }
      }
  });
}
}  // namespace softblas
