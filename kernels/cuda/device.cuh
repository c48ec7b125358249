// What the CUDA kernels share: the argument structures, elements by type, reductions, activations.
//
// A kernel takes its argument structure by value, and a Mark. Its grid is made for the capacity
// `rows`; it asks ROW_COUNT for the rows that count now, and returns early where there is no work.
// An output row's bits depend on the row's own inputs alone, so the order of a sum is fixed by
// static arguments, never by the grid.
#ifndef OCELLUS_DEVICE_CUH
#define OCELLUS_DEVICE_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

#include "../c/arguments.h"
#include "ptx.cuh"

// The number of rows that count now.
#define ROW_COUNT(a) ((a).rowCount ? *(a).rowCount : (a).rows)

// Where a kernel says that it has begun, so that after a fault the host knows which one did: memory
// of the host, which outlives a fault.
struct Mark {
    volatile int32_t *word;
    int64_t kernel;
};

// What every thread of a kernel begins with; before it only what no kernel writes, as weights, may be
// read, and nothing may be written. As every kernel waits here, the kernel that is let into place
// has waited for this one before it does anything, and so for all that came before.
__device__ __forceinline__ void begin(const Mark &mark) {
    grid_launch_dependents();
    grid_wait();
    if ((threadIdx.x | blockIdx.x | blockIdx.y | blockIdx.z) == 0) {
        *mark.word = static_cast<int32_t>(mark.kernel);
    }
}

using bf16 = __nv_bfloat16;
using f16 = __half;

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

__device__ __forceinline__ int lane_index() { return threadIdx.x % WARP; }

__device__ __forceinline__ int warp_index() { return threadIdx.x / WARP; }

__device__ __forceinline__ int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

__device__ __forceinline__ int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }

__device__ __forceinline__ int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

// ---- elements ----------------------------------------------------------------------------------

__device__ __forceinline__ float to_float(float x) { return x; }

__device__ __forceinline__ float to_float(f16 x) { return __half2float(x); }

__device__ __forceinline__ float to_float(bf16 x) { return __bfloat162float(x); }

// Rounds to the nearest, ties to even.
template <class T> __device__ __forceinline__ T from_float(float x);

template <> __device__ __forceinline__ float from_float<float>(float x) { return x; }

template <> __device__ __forceinline__ f16 from_float<f16>(float x) { return __float2half_rn(x); }

template <> __device__ __forceinline__ bf16 from_float<bf16>(float x) {
    return __float2bfloat16_rn(x);
}

// Element i of an array of F32, F16 or BF16.
__device__ __forceinline__ float load_element(const char *array, int64_t type, int64_t i) {
    switch (type) {
        case DTYPE_F32: return reinterpret_cast<const float *>(array)[i];
        case DTYPE_F16: return to_float(reinterpret_cast<const f16 *>(array)[i]);
        default: return to_float(reinterpret_cast<const bf16 *>(array)[i]);
    }
}

__device__ __forceinline__ bool is_aligned16(const void *p) {
    return (reinterpret_cast<uintptr_t>(p) & 15) == 0;
}

// Elements that one 16-byte load brings.
template <class T> constexpr int VECTOR = 16 / static_cast<int>(sizeof(T));

// VECTOR<T> elements from a 16-byte aligned address, widened.
template <class T>
__device__ __forceinline__ void load_vector(float (&out)[VECTOR<T>], const T *aligned) {
    uint4 words = *reinterpret_cast<const uint4 *>(aligned);
    const T *elements = reinterpret_cast<const T *>(&words);
#pragma unroll
    for (int i = 0; i < VECTOR<T>; i++) {
        out[i] = to_float(elements[i]);
    }
}

// Rounds VECTOR<T> values and stores them at a 16-byte aligned address.
template <class T>
__device__ __forceinline__ void store_vector(T *aligned, const float (&values)[VECTOR<T>]) {
    uint4 words;
    T *elements = reinterpret_cast<T *>(&words);
#pragma unroll
    for (int i = 0; i < VECTOR<T>; i++) {
        elements[i] = from_float<T>(values[i]);
    }
    *reinterpret_cast<uint4 *>(aligned) = words;
}

// Two values rounded to bfloat16, the first in the lower half.
__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
    __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *reinterpret_cast<uint32_t *>(&pair);
}

__device__ __forceinline__ uint32_t pack_f16(float low, float high) {
    __half2 pair = __floats2half2_rn(low, high);
    return *reinterpret_cast<uint32_t *>(&pair);
}

// Row `row` of an output, whose rows are `ld` floats apart also where they are left in bfloat16.
template <class T>
__device__ __forceinline__ T *output_row(float *out, int64_t ld, int64_t row) {
    return reinterpret_cast<T *>(out + row * ld);
}

// ---- reductions --------------------------------------------------------------------------------
// All lanes or threads take part and get the result, which is the same bits in each.

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        x += __shfl_xor_sync(ALL_LANES, x, distance);
    }
    return x;
}

__device__ __forceinline__ int warp_max(int x) {
#pragma unroll
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        x = max(x, __shfl_xor_sync(ALL_LANES, x, distance));
    }
    return x;
}

__device__ __forceinline__ float warp_max(float x) {
#pragma unroll
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, distance));
    }
    return x;
}

// For a block of whole warps in one dimension. `shared` has WARP elements, which may be used again
// by the next reduction.
__device__ __forceinline__ float block_sum(float x, float *shared) {
    x = warp_sum(x);
    __syncthreads();
    if (lane_index() == 0) {
        shared[warp_index()] = x;
    }
    __syncthreads();
    return warp_sum(lane_index() < static_cast<int>(blockDim.x) / WARP ? shared[lane_index()] : 0);
}

__device__ __forceinline__ float block_max(float x, float *shared) {
    x = warp_max(x);
    __syncthreads();
    if (lane_index() == 0) {
        shared[warp_index()] = x;
    }
    __syncthreads();
    return warp_max(lane_index() < static_cast<int>(blockDim.x) / WARP ? shared[lane_index()]
                                                                       : -INFINITY);
}

// ---- activations -------------------------------------------------------------------------------

__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// x/2 (1 + erf(x / sqrt 2)), by the tail that does not cancel; past 40 that is zero, also at
// infinity.
__device__ __forceinline__ float gelu(float x) {
    float tail = 0.5f * fminf(40.0f, fmaxf(-40.0f, x)) * erfcf(fabsf(x) * 0.70710678f);
    return x < 0 ? tail : x - tail;
}

__device__ __forceinline__ float gelu_tanh(float x) {
    float u = 0.7978845608f * fmaf(0.044715f * x * x, x, x);
    return x * sigmoid(2.0f * u);
}

// What `use` makes of the function of an activation.
template <class Use>
__device__ __forceinline__ auto with_activation(int64_t activation, Use use) {
    switch (activation) {
        case ACTIVATION_GELU: return use([](float x) { return gelu(x); });
        case ACTIVATION_QUICK_GELU: return use([](float x) { return x * sigmoid(1.702f * x); });
        case ACTIVATION_SILU: return use([](float x) { return x * sigmoid(x); });
        case ACTIVATION_GELU_TANH: return use([](float x) { return gelu_tanh(x); });
        // As the comparison, and not fmaxf, keeps a NaN.
        case ACTIVATION_RELU: return use([](float x) { return x < 0 ? 0.0f : x; });
        default: return use([](float x) { return x; });
    }
}

// A call costs nothing beside the functions in it; inlined into unrolled loops it made the PTX of
// products three times as large and five times as slow to load.
__device__ __noinline__ float activate(float x, int64_t activation) {
    return with_activation(activation, [=](auto f) { return f(x); });
}

// Of four, whose functions overlap.
__device__ __noinline__ float4 activate(float4 v, int64_t activation) {
    return with_activation(
        activation, [=](auto f) { return make_float4(f(v.x), f(v.y), f(v.z), f(v.w)); });
}

#endif
