// CUDA C++ for a host compiler: g++ -include softgpu.h -x c++ family.cu. Each CUDA thread is a fiber
// of the software GPU. Vector types, dim3 and the bf16, half and fp8 types are the CUDA toolkit's
// own headers, which compile for the host; what they declare for the device alone is in
// softgpu_math.h, PTX operations are in softgpu_ptx.h.
#pragma once
#define SOFTGPU 1
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <vector_functions.h>
#include <vector_types.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

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
#define __shared__ static thread_local  // a host thread runs one block at a time
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__
#define threadIdx (softgpu_cur->index)
#define blockIdx (softgpu_cur->block->index)
#define blockDim (softgpu_cur->block->blockSize)
#define gridDim (softgpu_cur->block->gridSize)
#define warpSize 32
using softgpu::softgpu_cur;

#include "softgpu_atomic.h"
#include "softgpu_math.h"
#include "softgpu_warp.h"

#include "softgpu_ptx.h"
#include "softgpu_ptx_sm90a.h"

static inline void __trap() { softgpu::fail("__trap()"); }
static inline long long clock64() { return __builtin_ia32_rdtsc(); }

template <class T> static inline T __ldg(const T *p) { return *p; }
template <class T> static inline T __ldcs(const T *p) { return *p; }
template <class T> static inline T __ldcg(const T *p) { return *p; }
template <class T> static inline T __ldca(const T *p) { return *p; }
template <class T> static inline void __stcs(T *p, T v) { *p = v; }
template <class T> static inline void __stcg(T *p, T v) { *p = v; }

#undef assert
#define assert(c) ((c) ? void() : softgpu::fail("assert(" #c ")"))

namespace softgpu {

static thread_local volatile char local_data;

// Describes a kernel's parameters and registers it when its library is loaded.
template <auto KERNEL> struct Entry;
template <class... A, void (*KERNEL)(A...)> struct Entry<KERNEL> {
    static constexpr uint32_t sizes[sizeof...(A) + 1] = {uint32_t(sizeof(A))..., 0};
    static constexpr uint32_t alignments[sizeof...(A) + 1] = {uint32_t(alignof(A))..., 0};
    static constexpr uint8_t pointers[sizeof...(A) + 1] = {uint8_t(std::is_pointer_v<A>)..., 0};

    static void touch() { local_data = 0; }

    template <size_t... I>
    __attribute__((no_sanitize("thread"))) static void call(void *const *arguments,
                                                             std::index_sequence<I...>) {
        KERNEL(*static_cast<std::remove_const_t<A> *>(arguments[I])...);
    }

    __attribute__((no_sanitize("thread"))) static void invoke(void *const *arguments) {
        call(arguments, std::index_sequence_for<A...>());
    }

    explicit Entry(const char *name) {
        add_kernel({name, invoke, sizeof...(A), sizes, alignments, pointers, touch});
    }
};

}  // namespace softgpu
#define SOFTGPU_KERNEL(f) static softgpu::Entry<&f> softgpu_entry_##f(#f);
