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

#ifdef SOFTGPU
namespace softgpu {

// Fragments of mma.m16n8k16 and mma.m16n8k32, as the PTX ISA draws them: lane 4 g + t holds, of A,
// rows g and g + 8, and of B and D the columns g and 2 t.
template <class D> struct Mma {
    D *d;
    const uint32_t *a;
    const uint32_t *b;
};

inline float bf16_half(uint32_t word, int half) {
    return __uint_as_float(half ? word & 0xffff0000u : word << 16);
}

inline float f16_half(uint32_t word, int half) {
    return __half2float(__ushort_as_half(static_cast<unsigned short>(word >> 16 * half)));
}

inline int s8_quarter(uint32_t word, int quarter) {
    return static_cast<int8_t>(word >> 8 * quarter);
}

// N elements in a word; K = 8 N; ELEMENT takes one of them out.
template <class D, int N, auto ELEMENT> void mma(uint32_t mask, void *const *lanes) {
    if (mask != 0xffffffffu) {
        fail("mma.sync needs the whole warp");
    }
    constexpr int K = 8 * N;
    D a[16][K], b[K][8], d[16][8];
    for (int lane = 0; lane < 32; lane++) {
        auto &x = *static_cast<Mma<D> *>(lanes[lane]);
        int g = lane >> 2, t = lane & 3;
        for (int i = 0; i < N; i++) {
            a[g][t * N + i] = ELEMENT(x.a[0], i);
            a[g + 8][t * N + i] = ELEMENT(x.a[1], i);
            a[g][K / 2 + t * N + i] = ELEMENT(x.a[2], i);
            a[g + 8][K / 2 + t * N + i] = ELEMENT(x.a[3], i);
            b[t * N + i][g] = ELEMENT(x.b[0], i);
            b[K / 2 + t * N + i][g] = ELEMENT(x.b[1], i);
        }
        for (int i = 0; i < 2; i++) {
            d[g][2 * t + i] = x.d[i];
            d[g + 8][2 * t + i] = x.d[2 + i];
        }
    }
    for (int i = 0; i < 16; i++) {
        for (int k = 0; k < K; k++) {
            for (int j = 0; j < 8; j++) {
                d[i][j] += a[i][k] * b[k][j];
            }
        }
    }
    for (int lane = 0; lane < 32; lane++) {
        auto &x = *static_cast<Mma<D> *>(lanes[lane]);
        int g = lane >> 2, t = lane & 3;
        for (int i = 0; i < 2; i++) {
            x.d[i] = d[g][2 * t + i];
            x.d[2 + i] = d[g + 8][2 * t + i];
        }
    }
}

struct LdMatrix {
    const void *row;
    uint32_t *r;
};

template <int N, bool TRANSPOSE> void ldmatrix(uint32_t mask, void *const *lanes) {
    if (mask != 0xffffffffu) {
        fail("ldmatrix needs the whole warp");
    }
    for (int i = 0; i < N; i++) {
        uint16_t m[8][8];
        for (int r = 0; r < 8; r++) {
            auto row = static_cast<LdMatrix *>(lanes[i * 8 + r])->row;
            if (reinterpret_cast<uintptr_t>(row) & 15) {
                fail("ldmatrix: row address is not 16-byte aligned");
            }
            std::memcpy(m[r], row, 16);
        }
        for (int lane = 0; lane < 32; lane++) {
            int a = lane >> 2, b = (lane & 3) * 2;
            uint32_t low = TRANSPOSE ? m[b][a] : m[a][b];
            uint32_t high = TRANSPOSE ? m[b + 1][a] : m[a][b + 1];
            static_cast<LdMatrix *>(lanes[lane])->r[i] = high << 16 | low;
        }
    }
}

}  // namespace softgpu
#endif

// d += a b, with a 16 x 16 (rows) and b 16 x 8 (columns) of bfloat16, d float32.
__device__ __forceinline__ void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                         uint32_t b1) {
#ifdef SOFTGPU
    uint32_t b[2] = {b0, b1};
    softgpu::Mma<float> x{d, a, b};
    softgpu::softgpu_warp(~0u, softgpu::mma<float, 2, softgpu::bf16_half>, &x);
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
    uint32_t b[2] = {b0, b1};
    softgpu::Mma<float> x{d, a, b};
    softgpu::softgpu_warp(~0u, softgpu::mma<float, 2, softgpu::f16_half>, &x);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// d += a b, with a 16 x 32 (rows) and b 32 x 8 (columns) of int8, d int32.
__device__ __forceinline__ void mma_s8(int (&d)[4], const uint32_t (&a)[4], uint32_t b0,
                                       uint32_t b1) {
#ifdef SOFTGPU
    uint32_t b[2] = {b0, b1};
    softgpu::Mma<int> x{d, a, b};
    softgpu::softgpu_warp(~0u, softgpu::mma<int, 4, softgpu::s8_quarter>, &x);
#else
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
        "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// Four 8 x 8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
template <bool TRANSPOSE>
__device__ __forceinline__ void ldmatrix_x4(uint32_t (&r)[4], const void *row) {
#ifdef SOFTGPU
    softgpu::LdMatrix x{row, r};
    softgpu::softgpu_warp(~0u, softgpu::ldmatrix<4, TRANSPOSE>, &x);
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
    if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) & 15) {
        softgpu::fail("cp.async: address is not 16-byte aligned");
    }
    auto &copies = softgpu_cur->copies;
    copies.list.push_back({shared, global, valid ? 16u : 0u, valid ? 0u : 16u, copies.group});
#else
    uint32_t to = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(to), "l"(global),
                 "r"(valid ? 16 : 0)
                 : "memory");
#endif
}

// Ends a group of copies.
__device__ __forceinline__ void cp_async_commit() {
#ifdef SOFTGPU
    softgpu_cur->copies.group++;
#else
    asm volatile("cp.async.commit_group;\n" ::: "memory");
#endif
}

// Waits until no more than PENDING of this thread's groups are under way.
template <int PENDING> __device__ __forceinline__ void cp_async_wait() {
#ifdef SOFTGPU
    auto &copies = softgpu_cur->copies;
    size_t done = 0;
    for (; done < copies.list.size() && copies.list[done].group + PENDING < copies.group; done++) {
        auto &copy = copies.list[done];
        std::memcpy(copy.to, copy.from, copy.bytes);
        std::memset(static_cast<char *>(copy.to) + copy.bytes, 0, copy.zero);
    }
    copies.list.erase(copies.list.begin(), copies.list.begin() + static_cast<long>(done));
#else
    asm volatile("cp.async.wait_group %0;\n" ::"n"(PENDING) : "memory");
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
