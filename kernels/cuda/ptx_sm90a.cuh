// The operations of compute capability 9.0 exactly (sm_90a), as ptx.cuh holds those of all GPUs:
// products of a warpgroup (four warps, of which the first has a number divisible by 4), whose right
// matrix is read from shared memory while the threads go on, and what they need.
//
// Names and rules are those of the PTX ISA. Accumulators and left matrices belong to the product
// from its issue to the wait that covers it. Shared memory that threads have written is read by it
// only after fence_proxy_async in the writing thread and a barrier.
#ifndef OCELLUS_PTX_SM90A_CUH
#define OCELLUS_PTX_SM90A_CUH

#include "ptx.cuh"

// The address of shared memory in instructions and descriptors.
__device__ __forceinline__ uint32_t shared_address(const void *p) {
#ifdef SOFTGPU
    return softgpu::ptx::shared_address(p);
#else
    return static_cast<uint32_t>(__cvta_generic_to_shared(p));
#endif
}

// ---- mbarrier ----------------------------------------------------------------------------------

// A phase of the barrier ends when `count` arrivals have come. One thread; a barrier of the block
// must follow.
__device__ __forceinline__ void mbarrier_init(uint64_t *barrier, uint32_t count) {
#ifdef SOFTGPU
    softgpu::ptx::mbarrier_init(barrier, count);
#else
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(shared_address(barrier)),
                 "r"(count)
                 : "memory");
#endif
}

__device__ __forceinline__ void mbarrier_arrive(uint64_t *barrier) {
#ifdef SOFTGPU
    softgpu::ptx::mbarrier_arrive(barrier);
#else
    asm volatile("{\n.reg .b64 state;\nmbarrier.arrive.shared::cta.b64 state, [%0];\n}\n" ::"r"(
                     shared_address(barrier))
                 : "memory");
#endif
}

// Waits until the phase of this parity has ended: phase 0 is the first one, and before it ends, one
// of parity 1 counts as ended.
__device__ __forceinline__ void mbarrier_wait(uint64_t *barrier, uint32_t parity) {
#ifdef SOFTGPU
    softgpu::ptx::mbarrier_wait(barrier, parity);
#else
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@!done bra again;\n"
        "}\n" ::"r"(shared_address(barrier)),
        "r"(parity)
        : "memory");
#endif
}

// ---- products ----------------------------------------------------------------------------------

// Orders this thread's earlier writes to shared memory before what products read of it.
__device__ __forceinline__ void fence_proxy_async() {
#ifdef SOFTGPU
    softgpu::ptx::fence_proxy_async();
#else
    asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
#endif
}

// Orders this warp's earlier accesses to registers before the products that follow.
__device__ __forceinline__ void wgmma_fence() {
#ifdef SOFTGPU
    softgpu::ptx::wgmma_fence();
#else
    asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
#endif
}

// Ends a group of products.
__device__ __forceinline__ void wgmma_commit() {
#ifdef SOFTGPU
    softgpu::ptx::wgmma_commit();
#else
    asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
#endif
}

// Waits until no more than PENDING groups are under way.
template <int PENDING> __device__ __forceinline__ void wgmma_wait() {
#ifdef SOFTGPU
    softgpu::ptx::wgmma_wait(PENDING);
#else
    asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(PENDING) : "memory");
#endif
}

// How the rows of a right matrix are swizzled: in a row of so many bytes, the 16-byte chunks are
// exchanged by an exclusive or of their number with bits 7 and up of the address.
enum class Swizzle : uint64_t { BYTES_128 = 1, BYTES_64 = 2, BYTES_32 = 3 };

// A right matrix in shared memory; `leading` and `stride` are byte offsets as the layout defines
// them, multiples of 16.
__device__ __forceinline__ uint64_t matrix_descriptor(
    uint32_t address, uint32_t leading, uint32_t stride, Swizzle swizzle) {
    constexpr uint32_t FIELD = 0x3ffff;
    return static_cast<uint64_t>((address & FIELD) >> 4) |
           static_cast<uint64_t>((leading & FIELD) >> 4) << 16 |
           static_cast<uint64_t>((stride & FIELD) >> 4) << 32 | static_cast<uint64_t>(swizzle) << 62;
}

#ifndef SOFTGPU
#define OCELLUS_D32 \
    "%0,%1,%2,%3,%4,%5,%6,%7" \
    ",%8,%9,%10,%11,%12,%13,%14,%15" \
    ",%16,%17,%18,%19,%20,%21,%22,%23" \
    ",%24,%25,%26,%27,%28,%29,%30,%31"
#define OCELLUS_D40 OCELLUS_D32 \
    ",%32,%33,%34,%35,%36,%37,%38,%39"
#define OCELLUS_D48 OCELLUS_D40 \
    ",%40,%41,%42,%43,%44,%45,%46,%47"
#define OCELLUS_D64 OCELLUS_D48 \
    ",%48,%49,%50,%51,%52,%53,%54,%55" \
    ",%56,%57,%58,%59,%60,%61,%62,%63"
#define OCELLUS_HELD8(i)                                                                   \
    "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), \
        "+f"(d[i + 6]), "+f"(d[i + 7])
#define OCELLUS_HELD32 OCELLUS_HELD8(0), OCELLUS_HELD8(8), OCELLUS_HELD8(16), OCELLUS_HELD8(24)
#define OCELLUS_HELD40 OCELLUS_HELD32, OCELLUS_HELD8(32)
#define OCELLUS_HELD48 OCELLUS_HELD40, OCELLUS_HELD8(40)
#define OCELLUS_HELD64 OCELLUS_HELD48, OCELLUS_HELD8(48), OCELLUS_HELD8(56)
#define OCELLUS_WGMMA(n, registers, left, right, accumulates, transposed)                      \
    asm volatile("{\n.reg .pred accumulates;\nsetp.ne.b32 accumulates, " accumulates ", 0;\n"     \
                 "wgmma.mma_async.sync.aligned.m64n" n "k16.f32.bf16.bf16 "                    \
                 "{" OCELLUS_D##registers "}, {" left "}, " right ", accumulates, 1, 1, " transposed \
                 ";\n}\n"                                                                      \
                 : OCELLUS_HELD##registers                                                     \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(accumulate ? 1 : 0), \
                   "n"(TRANSPOSED ? 1 : 0))
#endif

// Issues d = a b, or d += a b: a is 64 x 16 of bfloat16, b 16 x 2 REGISTERS of bfloat16 in shared
// memory with neighbours in the first direction side by side (in the second one if TRANSPOSED), d
// float32. Fragments of the warp's 16 rows of a and d are those of mma_bf16, d's for each 8 columns.
template <bool TRANSPOSED, int REGISTERS>
__device__ __forceinline__ void wgmma_bf16(
    float (&d)[REGISTERS], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
    static_assert(REGISTERS == 32 || REGISTERS == 40 || REGISTERS == 48 || REGISTERS == 64);
#ifdef SOFTGPU
    softgpu::ptx::wgmma_bf16<TRANSPOSED>(d, a, b, accumulate);
#else
    if constexpr (REGISTERS == 32) {
        OCELLUS_WGMMA("64", 32, "%32,%33,%34,%35", "%36", "%37", "%38");
    } else if constexpr (REGISTERS == 40) {
        OCELLUS_WGMMA("80", 40, "%40,%41,%42,%43", "%44", "%45", "%46");
    } else if constexpr (REGISTERS == 48) {
        OCELLUS_WGMMA("96", 48, "%48,%49,%50,%51", "%52", "%53", "%54");
    } else {
        OCELLUS_WGMMA("128", 64, "%64,%65,%66,%67", "%68", "%69", "%70");
    }
#endif
}

// ---- registers ---------------------------------------------------------------------------------

// Gives up registers of this thread down to so many, or takes as many as others have given up; all
// threads of a warpgroup.
template <int REGISTERS> __device__ __forceinline__ void release_registers() {
#ifdef SOFTGPU
    softgpu::ptx::setmaxnreg<REGISTERS>();
#else
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(REGISTERS));
#endif
}

template <int REGISTERS> __device__ __forceinline__ void take_registers() {
#ifdef SOFTGPU
    softgpu::ptx::setmaxnreg<REGISTERS>();
#else
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(REGISTERS));
#endif
}

#endif
