// CUDA C++ device language for a host compiler: g++ -x c++ -include softgpu.h kernels.cu
// Each CUDA thread of a block is a fiber of the emulation runtime; blocks are spread over host threads.
// Vector types, dim3 and the bf16/half/fp8 types are the CUDA toolkit's own headers, which compile with g++.
#pragma once
#define SOFTGPU 1
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>
#include <vector_functions.h>
#include <vector_types.h>
#include <cuda_fp16.h>
#include <cuda_bf16.h>
#include <cuda_fp8.h>
#include "softgpu_runtime.h"

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __constant__
#undef __forceinline__
#undef __noinline__
#undef __launch_bounds__
#undef __restrict__
#undef __align__
#undef __grid_constant__
#ifdef SOFTGPU_LIST
#define __global__ softgpu_kernel  // build.sh lists the kernels of a preprocessed source
#else
#define __global__
#endif
#define __device__
#define __host__
#define __shared__ static thread_local   // one block at a time per host thread
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__
#define threadIdx (softgpu_cur->tid)
#define blockIdx (softgpu_cur->block->bid)
#define blockDim (softgpu_cur->block->bdim)
#define gridDim (softgpu_cur->block->gdim)
#define warpSize 32
using softgpu::softgpu_cur;

// ---- barriers, warps -------------------------------------------------------------------------
static inline void __syncthreads() { softgpu::softgpu_barrier(0, 0, 0, 0); }
static inline int __syncthreads_count(int p) { return softgpu::softgpu_barrier(0, 0, 1, !!p); }
static inline int __syncthreads_and(int p) { return softgpu::softgpu_barrier(0, 0, 2, !!p); }
static inline int __syncthreads_or(int p) { return softgpu::softgpu_barrier(0, 0, 3, !!p); }
static inline void __threadfence_block() { std::atomic_signal_fence(std::memory_order_seq_cst); }
static inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline unsigned __activemask() { return softgpu::softgpu_active_mask(); }
static inline void __nanosleep(unsigned) { softgpu::softgpu_yield(); }

namespace softgpu {
template <class F> inline void eachLane(uint32_t m, F f) { for (; m; m &= m - 1) f(__builtin_ctz(m)); }
inline void nop(uint32_t, void* const*) {}
template <class T> struct Shfl { T in, out; int src; };
template <class T> void shflFn(uint32_t m, void* const* a) {
  auto at = [&](int l) { return static_cast<Shfl<T>*>(a[l]); };
  if (m == 0xffffffffu) { for (int l = 0; l < 32; l++) at(l)->out = at(at(l)->src)->in; return; }
  eachLane(m, [&](int l) {
    int s = at(l)->src;
    if (m >> s & 1) at(l)->out = at(s)->in;
    else std::memset(&at(l)->out, 0xcd, sizeof(T));    // undefined on the device
  });
}
template <class T> inline T shfl(uint32_t mask, T v, int src) {
  static_assert(std::is_trivially_copyable_v<T>);
  Shfl<T> s{v, v, src};
  softgpu_warp(mask, shflFn<T>, &s);
  return s.out;
}
struct Vote { unsigned v, out; };
inline void ballotFn(uint32_t m, void* const* a) {
  unsigned r = 0;
  eachLane(m, [&](int l) { r |= unsigned(static_cast<Vote*>(a[l])->v != 0) << l; });
  eachLane(m, [&](int l) { static_cast<Vote*>(a[l])->out = r; });
}
inline unsigned ballot(uint32_t mask, bool p) { Vote v{p, 0}; softgpu_warp(mask, ballotFn, &v); return v.out; }
template <class T> struct Red { T v; };
template <class T, int OP> void redFn(uint32_t m, void* const* a) {
  T r{}; bool first = true;
  eachLane(m, [&](int l) {
    T v = static_cast<Red<T>*>(a[l])->v;
    if (first) { r = v; first = false; return; }
    if constexpr (OP == 0) r += v; else if constexpr (OP == 1) r = v < r ? v : r; else if constexpr (OP == 2) r = v > r ? v : r;
    else if constexpr (OP == 3) r &= v; else if constexpr (OP == 4) r |= v; else r ^= v;
  });
  eachLane(m, [&](int l) { static_cast<Red<T>*>(a[l])->v = r; });
}
template <class T, int OP> inline T reduce(uint32_t mask, T v) { Red<T> r{v}; softgpu_warp(mask, redFn<T, OP>, &r); return r.v; }
}  // namespace softgpu

static inline void __syncwarp(unsigned mask = 0xffffffffu) { softgpu::softgpu_warp(mask, softgpu::nop, nullptr); }
template <class T> static inline T __shfl_sync(unsigned m, T v, int src, int w = 32) {
  int l = softgpu_cur->lane; return softgpu::shfl(m, v, (l & ~(w - 1)) | (src & (w - 1)));
}
template <class T> static inline T __shfl_up_sync(unsigned m, T v, unsigned d, int w = 32) {
  int l = softgpu_cur->lane, s = l - int(d); return softgpu::shfl(m, v, s < (l & ~(w - 1)) ? l : s);
}
template <class T> static inline T __shfl_down_sync(unsigned m, T v, unsigned d, int w = 32) {
  int l = softgpu_cur->lane, s = l + int(d); return softgpu::shfl(m, v, s > (l | (w - 1)) ? l : s);
}
template <class T> static inline T __shfl_xor_sync(unsigned m, T v, int x, int w = 32) {
  int l = softgpu_cur->lane, s = l ^ x; return softgpu::shfl(m, v, s > (l | (w - 1)) ? l : s);
}
static inline unsigned __ballot_sync(unsigned m, int p) { return softgpu::ballot(m, p); }
static inline int __any_sync(unsigned m, int p) { return softgpu::ballot(m, p) != 0; }
static inline int __all_sync(unsigned m, int p) { return softgpu::ballot(m, !p) == 0; }
static inline unsigned __reduce_add_sync(unsigned m, unsigned v) { return softgpu::reduce<unsigned, 0>(m, v); }
static inline int __reduce_add_sync(unsigned m, int v) { return softgpu::reduce<int, 0>(m, v); }
static inline unsigned __reduce_min_sync(unsigned m, unsigned v) { return softgpu::reduce<unsigned, 1>(m, v); }
static inline int __reduce_min_sync(unsigned m, int v) { return softgpu::reduce<int, 1>(m, v); }
static inline unsigned __reduce_max_sync(unsigned m, unsigned v) { return softgpu::reduce<unsigned, 2>(m, v); }
static inline int __reduce_max_sync(unsigned m, int v) { return softgpu::reduce<int, 2>(m, v); }
static inline unsigned __reduce_and_sync(unsigned m, unsigned v) { return softgpu::reduce<unsigned, 3>(m, v); }
static inline unsigned __reduce_or_sync(unsigned m, unsigned v) { return softgpu::reduce<unsigned, 4>(m, v); }

// ---- atomics (blocks run on several host threads) ---------------------------------------------
namespace softgpu {
template <class T, class F> inline T rmw(T* p, F f) {
  using B = std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;
  B o = __atomic_load_n(reinterpret_cast<B*>(p), __ATOMIC_RELAXED), n; T t;
  do { std::memcpy(&t, &o, sizeof t); T r = f(t); std::memcpy(&n, &r, sizeof n);
  } while (!__atomic_compare_exchange_n(reinterpret_cast<B*>(p), &o, n, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
  return t;
}
}
template <class T> static inline T atomicAdd(T* p, std::type_identity_t<T> v) { return softgpu::rmw(p, [&](T t) { return T(t + v); }); }
template <class T> static inline T atomicSub(T* p, std::type_identity_t<T> v) { return softgpu::rmw(p, [&](T t) { return T(t - v); }); }
template <class T> static inline T atomicMax(T* p, std::type_identity_t<T> v) { return softgpu::rmw(p, [&](T t) { return t > v ? t : v; }); }
template <class T> static inline T atomicMin(T* p, std::type_identity_t<T> v) { return softgpu::rmw(p, [&](T t) { return t < v ? t : v; }); }
template <class T> static inline T atomicOr(T* p, std::type_identity_t<T> v) { return softgpu::rmw(p, [&](T t) { return T(t | v); }); }
template <class T> static inline T atomicAnd(T* p, std::type_identity_t<T> v) { return softgpu::rmw(p, [&](T t) { return T(t & v); }); }
template <class T> static inline T atomicExch(T* p, std::type_identity_t<T> v) { return softgpu::rmw(p, [&](T) { return v; }); }
template <class T> static inline T atomicCAS(T* p, std::type_identity_t<T> c, std::type_identity_t<T> v) {
  return softgpu::rmw(p, [&](T t) { return t == c ? v : t; });
}
static inline unsigned atomicInc(unsigned* p, unsigned m) { return softgpu::rmw(p, [&](unsigned t) { return t >= m ? 0u : t + 1; }); }

// ---- intrinsics -------------------------------------------------------------------------------
// (glibc declares names such as __expf itself, hence macros)
#define __expf(x) expf(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __sincosf(x, s, c) sincosf(x, s, c)
#define __powf(x, y) powf(x, y)
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __fdividef(float x, float y) { return x / y; }
static inline float __fdiv_rn(float x, float y) { return x / y; }
static inline float __frcp_rn(float x) { return 1.0f / x; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __saturatef(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static inline int __float2int_rn(float x) { return int(rintf(x)); }
static inline int __float2int_rz(float x) { return int(x); }
static inline int __float2int_rd(float x) { return int(floorf(x)); }
static inline unsigned __float2uint_rn(float x) { return unsigned(rintf(x)); }
template <class D, class S> static inline D softgpu_bits(S s) { D d; static_assert(sizeof d == sizeof s); std::memcpy(&d, &s, sizeof d); return d; }
static inline int __float_as_int(float x) { return softgpu_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return softgpu_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return softgpu_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return softgpu_bits<float>(x); }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline unsigned __brev(unsigned x) { unsigned r = 0; for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i); return r; }
static inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((unsigned long long)a * b >> 32); }
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned s) {
  unsigned long long v = (unsigned long long)b << 32 | a; unsigned r = 0;
  for (int i = 0; i < 4; i++) { unsigned k = s >> (4 * i); unsigned c = unsigned(v >> (8 * (k & 7))) & 255; if (k & 8) c = (c & 128) ? 255 : 0; r |= c << (8 * i); }
  return r;
}
static inline int __dp4a(int a, int b, int c) { for (int i = 0; i < 4; i++) c += int(int8_t(a >> (8 * i))) * int8_t(b >> (8 * i)); return c; }
template <class T> static inline T __ldg(const T* p) { return *p; }
template <class T> static inline T __ldcs(const T* p) { return *p; }
template <class T> static inline T __ldcg(const T* p) { return *p; }
template <class T> static inline void __stcs(T* p, T v) { *p = v; }
template <class T> static inline void __stcg(T* p, T v) { *p = v; }
static inline long long clock64() { return __builtin_ia32_rdtsc(); }
static inline void __trap() { softgpu::fail("__trap()"); }
#undef assert
#define assert(c) ((c) ? void() : softgpu::fail("assert(" #c ")"))
template <class A, class B> static inline auto max(A a, B b) { return a > b ? a : b; }
template <class A, class B> static inline auto min(A a, B b) { return a < b ? a : b; }
// bf16/half functions that the toolkit's headers declare for the device only
static inline __nv_bfloat16 __hfma(__nv_bfloat16 a, __nv_bfloat16 b, __nv_bfloat16 c) { return __float2bfloat16_rn(fmaf(__bfloat162float(a), __bfloat162float(b), __bfloat162float(c))); }
static inline __nv_bfloat162 __hfma2(__nv_bfloat162 a, __nv_bfloat162 b, __nv_bfloat162 c) { return __halves2bfloat162(__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)); }
static inline __half __hfma(__half a, __half b, __half c) { return __float2half_rn(fmaf(__half2float(a), __half2float(b), __half2float(c))); }
static inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) { return __halves2half2(__hfma(__low2half(a), __low2half(b), __low2half(c)), __hfma(__high2half(a), __high2half(b), __high2half(c))); }
static inline __half hexp(__half a) { return __float2half_rn(expf(__half2float(a))); }
static inline __nv_bfloat16 hexp(__nv_bfloat16 a) { return __float2bfloat16_rn(expf(__bfloat162float(a))); }

// ---- kernel registration ----------------------------------------------------------------------
namespace softgpu {
template <auto F> struct Entry;
template <class... A, void (*F)(A...)> struct Entry<F> {
  static constexpr uint32_t size[sizeof...(A) + 1] = {uint32_t(sizeof(A))..., 0};
  static constexpr uint32_t align[sizeof...(A) + 1] = {uint32_t(alignof(A))..., 0};
  static constexpr uint8_t ptr[sizeof...(A) + 1] = {uint8_t(std::is_pointer_v<A>)..., 0};
  template <size_t... I> static void call(void* const* p, std::index_sequence<I...>) { F(*static_cast<std::remove_const_t<A>*>(p[I])...); }
  static void invoke(void* const* p) { call(p, std::index_sequence_for<A...>()); }
  explicit Entry(const char* name) { addKernel({name, invoke, sizeof...(A), size, align, ptr}); }
};
}
#define SOFTGPU_KERNEL(f) static softgpu::Entry<&f> softgpu_entry_##f(#f);
#define SOFTGPU_GLOBAL(v) static int softgpu_global_##v = (softgpu::addGlobal(#v, &v, sizeof v), 0);
