// The PTX operations of compute capability 9.0: mbarrier, the proxy fence, wgmma, setmaxnreg.
#pragma once

namespace softgpu::ptx {

inline void mbarrier_init(uint64_t *barrier, uint32_t count) { softgpu_mbarrier_init(barrier, count); }
inline void mbarrier_arrive(uint64_t *barrier) { softgpu_mbarrier_arrive(barrier); }
inline void mbarrier_wait(uint64_t *barrier, unsigned parity) {
    softgpu_mbarrier_wait(barrier, parity);
}

inline uint32_t shared_address(const void *p) { return softgpu_shared_address(p); }

inline void fence_proxy_async() { softgpu_fence_proxy_async(); }

inline void wgmma_fence() { softgpu_warp(~0u, softgpu_wgmma_fence, nullptr); }
inline void wgmma_commit() { softgpu_warp(~0u, softgpu_wgmma_commit, nullptr); }
inline void wgmma_wait(uint32_t pending) { softgpu_warp(~0u, softgpu_wgmma_wait, &pending); }

// d = a b, or d += a b: d 64 x 2 REGISTERS, a 64 x 16 in registers, b 16 x 2 REGISTERS in shared memory.
template <bool TRANSPOSED, int REGISTERS>
inline void wgmma_bf16(float (&d)[REGISTERS], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
    static_assert(REGISTERS % 4 == 0 && REGISTERS <= 128, "n is a multiple of 8 up to 256");
    WarpgroupProduct product{d, a, b, 2 * REGISTERS, TRANSPOSED, accumulate};
    softgpu_warp(~0u, softgpu_wgmma, &product);
}

// Registers are the host's business.
template <int REGISTERS> inline void setmaxnreg() {
    static_assert(REGISTERS % 8 == 0 && REGISTERS >= 24 && REGISTERS <= 256);
}

}  // namespace softgpu::ptx
