// What compute capability 9.0 adds to a block: mbarriers, the asynchronous proxy, products of warpgroups.
#pragma once
#include <vector>

#include "internal.h"

namespace softgpu {

struct Worker;

// Which thread has written each 16 bytes of dynamic shared memory without a fence to the
// asynchronous proxy since: copies of cp.async, and in a sanitized build all stores.
class Proxies {
  public:
    void next_block(const BlockState &block);
    void written(const Worker &, const void *p, size_t bytes);
    void fence(const Worker &);
    // Number of the thread that has written there, or -1.
    int unfenced(const void *p) const;

  private:
    static constexpr size_t GRAIN = 16;

    Range dyn;
    std::vector<uint16_t> writer;                // by grain: number of the thread + 1, or 0
    std::vector<std::vector<uint32_t>> touched;  // by thread: grains
};

// A warp's quarter of a wgmma.mma_async that has been issued.
struct IssuedProduct {
    WarpgroupProduct operands;
    float *d[32];
    uint32_t a[32][4];
    std::vector<uint16_t> b;    // what it read of the right matrix when it was issued
    std::vector<float> before;  // the accumulators then, [32][n / 2], unless an earlier one has them
    uint32_t group;
};

// The wgmma operations of a warp.
struct WarpProducts {
    std::vector<IssuedProduct> issued;
    uint32_t group = 0;
    bool fenced = false;
    uint64_t history = 0;  // a hash of all, the same in the four warps of a warpgroup
};

}  // namespace softgpu
