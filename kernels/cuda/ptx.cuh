// The operations of the device that C++ has no word for, each in a function: nothing else holds
// PTX. Where SOFTGPU is defined, they run on the host, as functions of the software GPU.
#ifndef OCELLUS_PTX_CUH
#define OCELLUS_PTX_CUH

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

// The block's dynamic shared memory as an array of T, 1024-byte aligned.
#ifdef SOFTGPU
#define DYNAMIC_SHARED(T, name) T *name = reinterpret_cast<T *>(softgpu_cur->block->dyn)
#else
#define DYNAMIC_SHARED(T, name)                                 \
    extern __shared__ __align__(1024) unsigned char name##_bytes[]; \
    T *name = reinterpret_cast<T *>(name##_bytes)
#endif

// Bytes of dynamic shared memory that the launch gives a block.
__device__ __forceinline__ int dynamic_shared_bytes() {
#ifdef SOFTGPU
    return static_cast<int>(softgpu_cur->block->dynBytes);
#else
    int bytes;
    asm("mov.u32 %0, %%dynamic_smem_size;\n" : "=r"(bytes));
    return bytes;
#endif
}

// d += a b, with a 16 x 16 (rows) and b 16 x 8 (columns) of bfloat16, d float32.
__device__ __forceinline__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                         uint32_t b1) {
#ifdef SOFTGPU
    softgpu::ptx::mma_bf16(d, a, b0, b1);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// The same of float16.
__device__ __forceinline__ void mma_f16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                        uint32_t b1) {
#ifdef SOFTGPU
    softgpu::ptx::mma_f16(d, a, b0, b1);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// d = a b + c, with a 16 x 32 (rows) and b 32 x 8 (columns) of int8, d int32 and c the same
// everywhere.
__device__ __forceinline__ void mma_s8(int (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                       uint32_t b1, int c) {
#ifdef SOFTGPU
    d[0] = d[1] = d[2] = d[3] = c;
    softgpu::ptx::mma_s8(d, a, b0, b1);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%10,%10,%10};\n"
        : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1), "r"(c));
#endif
}

// Two values of E4M3 as float16, the first byte's in the lower half.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
__device__ __forceinline__ uint32_t e4m3_to_f16(uint16_t pair) {
    uint32_t halves;
    asm("cvt.rn.f16x2.e4m3x2 %0, %1;\n" : "=r"(halves) : "h"(pair));
    return halves;
}
#endif

// Four 8 x 8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
template <bool TRANSPOSE>
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void *row) {
#ifdef SOFTGPU
    softgpu::ptx::ldmatrix<TRANSPOSE>(r, row);
#else
    uint32_t shared = static_cast<uint32_t>(__cvta_generic_to_shared(row));
    if constexpr (TRANSPOSE) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(shared)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(shared)
                     : "memory");
    }
#endif
}

// Begins a copy of 16 bytes from global to shared memory, both 16-byte aligned; zeros if not valid,
// and then `global` is not read.
__device__ __forceinline__ void cp_async16(void *shared, const void *global, bool valid = true) {
#ifdef SOFTGPU
    softgpu::ptx::cp_async16(shared, global, valid);
#else
    uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to), "l"(global),
                 "r"(valid ? 16 : 0)
                 : "memory");
#endif
}

// The same of what lies in a long row that is read once, from front to back: the L2 cache may ask for
// the neighbouring bytes too.
__device__ __forceinline__ void cp_async16_streamed(void *shared, const void *global,
                                                    bool valid) {
#ifdef SOFTGPU
    softgpu::ptx::cp_async16(shared, global, valid);
#else
    uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global.L2::256B [%0], [%1], 16, %2;\n" ::"r"(to), "l"(global),
                 "r"(valid ? 16 : 0)
                 : "memory");
#endif
}

// Ends a group of copies.
__device__ __forceinline__ void cp_async_commit() {
#ifdef SOFTGPU
    softgpu::softgpu_cp_async_commit();
#else
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}

// Waits until no more than PENDING of this thread's groups are under way.
template <int PENDING> __device__ __forceinline__ void cp_async_wait() {
#ifdef SOFTGPU
    softgpu::softgpu_cp_async_wait(PENDING);
#else
    asm volatile("cp.async.wait_group %0;\n" ::"n"(PENDING) : "memory");
#endif
}

// Begins to bring the cache line of an address in global memory to the second-level cache.
__device__ __forceinline__ void prefetch_l2(const void *global) {
#ifndef SOFTGPU
    asm volatile("prefetch.global.L2 [%0];\n" ::"l"(global));
#endif
}

// Where a GPU has programmatic dependent launches: lets the kernel that comes next into place. Its
// blocks may begin once all of this kernel have called this.
__device__ __forceinline__ void grid_launch_dependents() {
#if !defined(SOFTGPU) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;\n" ::: "memory");
#endif
}

// And waits until the kernels that this one comes after have ended and what they wrote can be read.
__device__ __forceinline__ void grid_wait() {
#ifdef SOFTGPU
    softgpu::ptx::grid_wait();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;\n" ::: "memory");
#endif
}

// 2^x, right to 2 units in the last place; results below the normal range are 0.
__device__ __forceinline__ float exp2_approx(float x) {
#ifdef SOFTGPU
    return x < -126 ? 0 : exp2f(x);
#else
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(y) : "f"(x));
    return y;
#endif
}

#endif
