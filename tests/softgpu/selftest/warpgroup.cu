// Operations of compute capability 9.0: kernels without mistakes, then kernels with one each, which
// the software GPU has to find. A block is one warpgroup.
using namespace softgpu::ptx;

struct Probe {
    float *out;
    const float *in;
    long n;
};

constexpr int THREADS = 128, COLUMNS = 64, SLOTS = 2;
constexpr int ELEMENTS = 4096;  // of bf16 in shared memory
constexpr uint16_t ONE = 0x3f80;

using Element = uint16_t;
using Accumulators = float[COLUMNS / 2];

Element bf16_bits(float x) { return static_cast<__nv_bfloat16_raw>(__float2bfloat16_rn(x)).x; }

Element *shared_elements() { return static_cast<Element *>(softgpu_cur->block->dyn); }

// Each element is `value` of its index.
template <class F> void fill(F value) {
    for (int i = threadIdx.x; i < ELEMENTS; i += THREADS) {
        shared_elements()[i] = bf16_bits(value(i));
    }
}

// Row i of the left matrix chooses row i % 16 of the right one.
void choose(uint32_t (&a)[4]) {
    const int g = threadIdx.x % 32 / 4, k = threadIdx.x % 4 * 2;
    for (int r = 0; r < 4; r++) {
        const int row = g + r % 2 * 8, first = k + r / 2 * 8;
        a[r] = row == first ? ONE : row == first + 1 ? uint32_t(ONE) << 16 : 0;
    }
}

// Calls f(row, column, accumulator).
template <class F> void each(Accumulators &d, F f) {
    for (int j = 0; j < COLUMNS / 2; j++) {
        const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4 + j / 2 % 2 * 8;
        f(row, j / 4 * 8 + threadIdx.x % 4 * 2 + j % 2, d[j]);
    }
}

uint64_t descriptor(long n) { return uint64_t(n) + (shared_address(shared_elements()) >> 4); }

// out[k][column] = the index of the element that is (k, column) of the right matrix whose descriptor
// is n, but for where it begins: the index' lower bits in one product, the upper ones in another.
template <bool TRANSPOSED> void find_elements(const Probe &a) {
    Accumulators d;
    uint32_t left[4];
    choose(left);
    for (int part : {256, 1}) {
        __syncthreads();
        fill([&](int i) { return part == 1 ? i % 256 : i / 256; });
        fence_proxy_async();
        __syncthreads();
        wgmma_fence();
        wgmma_bf16<TRANSPOSED>(d, left, descriptor(a.n), false);
        wgmma_commit();
        wgmma_wait(0);
        each(d, [&](int row, int column, float &found) {
            if (row < 16) {
                float &index = a.out[row * COLUMNS + column];
                index = part == 1 ? index + found : part * found;
            }
        });
    }
}

extern "C" __global__ void finds_k_major(const Probe a) { find_elements<false>(a); }
extern "C" __global__ void finds_n_major(const Probe a) { find_elements<true>(a); }

// out[row][column] = 3 + the sum over both products of (row / 16 + 1) (k column), in two groups.
extern "C" __global__ void accumulates(const Probe a) {
    uint32_t left[4];
    const float factor = threadIdx.x / 32 + 1;
    const uint32_t half = bf16_bits(factor);
    for (uint32_t &word : left) {
        word = half << 16 | half;
    }
    // Rows of 16 k for each column, 8 columns after the other, and no swizzle.
    fill([](int i) { return i % 8 + i / 64 % 2 * 8 + 0.0f; });
    fence_proxy_async();
    __syncthreads();
    Accumulators d;
    each(d, [](int, int, float &sum) { sum = 3; });
    const uint64_t right = descriptor(128ull >> 4 << 16 | 256ull >> 4 << 32);
    wgmma_fence();
    wgmma_bf16<false>(d, left, right, true);
    wgmma_commit();
    wgmma_bf16<false>(d, left, right, true);
    wgmma_commit();
    wgmma_wait(1);
    wgmma_wait(0);
    each(d, [&](int row, int column, float &sum) { a.out[row * COLUMNS + column] = sum; });
}

// Warps 0 and 1 copy tiles of 256 values into slots, warps 2 and 3 write each tile in reverse. Without
// waiting, for as many tiles as there are slots.
template <bool WAITS> void ring(const Probe &a) {
    auto *slots = static_cast<float4 *>(softgpu_cur->block->dyn);
    auto *full = reinterpret_cast<uint64_t *>(slots + SLOTS * 64), *empty = full + SLOTS;
    if (threadIdx.x == 0) {
        for (int slot = 0; slot < SLOTS; slot++) {
            mbarrier_init(full + slot, 64);
            mbarrier_init(empty + slot, 64);
        }
    }
    __syncthreads();
    const int me = threadIdx.x % 64;
    for (long tile = 0; tile * 256 < a.n; tile++) {
        const int slot = tile % SLOTS;
        const unsigned phase = tile / SLOTS & 1;
        if (threadIdx.x < 64) {
            mbarrier_wait(empty + slot, phase ^ 1);
            cp_async16(slots + slot * 64 + me, a.in + tile * 256 + me * 4, true);
            softgpu::softgpu_cp_async_commit();
            softgpu::softgpu_cp_async_wait(0);
            mbarrier_arrive(full + slot);
        } else {
            if (WAITS) {
                mbarrier_wait(full + slot, phase);
            }
            const float4 v = slots[slot * 64 + 63 - me];
            if (WAITS) {
                mbarrier_arrive(empty + slot);
            }
            reinterpret_cast<float4 *>(a.out)[tile * 64 + me] = {v.w, v.z, v.y, v.x};
        }
    }
}

extern "C" __global__ void passes_by_mbarriers(const Probe a) { ring<true>(a); }

// ---- mistakes ----------------------------------------------------------------------------------

extern "C" __global__ void forgets_mbarrier_wait(const Probe a) { ring<false>(a); }

extern "C" __global__ void uses_mbarrier_without_init(const Probe) {
    mbarrier_arrive(static_cast<uint64_t *>(softgpu_cur->block->dyn));
}

// One arrival too few.
extern "C" __global__ void waits_forever_at_mbarrier(const Probe) {
    auto *barrier = static_cast<uint64_t *>(softgpu_cur->block->dyn);
    if (threadIdx.x == 0) {
        mbarrier_init(barrier, THREADS + 1);
    }
    __syncthreads();
    mbarrier_arrive(barrier);
    mbarrier_wait(barrier, 0);
}

enum class Mistake { NoFence, NoWait, NoProxyFence, ChangesRegister, ChangesShared, WarpsDiffer };

template <Mistake M> void mistaken(const Probe &a) {
    Accumulators d = {};
    uint32_t left[4];
    choose(left);
    for (int i = threadIdx.x; i < ELEMENTS / 8; i += THREADS) {
        cp_async16(shared_elements() + i * 8, a.in, true);
    }
    softgpu::softgpu_cp_async_commit();
    softgpu::softgpu_cp_async_wait(0);
    if (M != Mistake::NoProxyFence) {
        fence_proxy_async();
    }
    __syncthreads();
    if (M != Mistake::NoFence) {
        wgmma_fence();
    }
    uint64_t right = descriptor(128ull >> 4 << 16 | 256ull >> 4 << 32);
    if (M == Mistake::WarpsDiffer && threadIdx.x >= 96) {
        right += 16;
    }
    wgmma_bf16<false>(d, left, right, true);
    wgmma_commit();
    if (M == Mistake::ChangesRegister) {
        d[5] += 1;
    }
    if (M == Mistake::ChangesShared) {
        shared_elements()[threadIdx.x * 8] = ONE;
    }
    if (M != Mistake::NoWait) {
        wgmma_wait(0);
    }
    each(d, [&](int row, int column, float &sum) { a.out[row * COLUMNS + column] = sum; });
}

extern "C" __global__ void forgets_wgmma_fence(const Probe a) { mistaken<Mistake::NoFence>(a); }
extern "C" __global__ void forgets_wgmma_wait(const Probe a) { mistaken<Mistake::NoWait>(a); }
extern "C" __global__ void forgets_proxy_fence(const Probe a) { mistaken<Mistake::NoProxyFence>(a); }
extern "C" __global__ void changes_accumulators(const Probe a) {
    mistaken<Mistake::ChangesRegister>(a);
}
extern "C" __global__ void changes_operand(const Probe a) { mistaken<Mistake::ChangesShared>(a); }
extern "C" __global__ void warps_differ(const Probe a) { mistaken<Mistake::WarpsDiffer>(a); }
