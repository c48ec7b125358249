// mbarriers, and the products of warpgroups by their definition in the PTX ISA: "Asynchronous
// Warpgroup Level Matrix Instructions", canonical layouts and matrix descriptors.
#include "warpgroup.h"

#include <cstring>

#include "worker.h"

namespace softgpu {

namespace {

// Where dynamic shared memory begins among the addresses of instructions: behind the system's.
constexpr uint32_t SHARED_BASE = 1024;

constexpr int K = 16;
constexpr uint32_t CHUNK = 8;  // elements of 16 bytes

// An mbarrier object: its phase, the arrivals that this phase waits for, and those of each.
struct Mbarrier {
    uint32_t pending : 31, phase : 1;
    uint32_t count;
};
static_assert(sizeof(Mbarrier) == 8);

Mbarrier &mbarrier(uint64_t *p) {
    auto &barrier = *reinterpret_cast<Mbarrier *>(p);
    if (barrier.count == 0 || barrier.count >= 1u << 20) {
        fail("an mbarrier is used that has not been initialised");
    }
    return barrier;
}

// The fields of a matrix descriptor.
struct Descriptor {
    uint32_t start, leading, stride;  // bytes
    uint32_t chunks;                  // of 16 bytes in a row of the swizzle pattern; 1 without

    explicit Descriptor(uint64_t d)
        : start(field(d, 0)), leading(field(d, 16)), stride(field(d, 32)) {
        static constexpr uint32_t CHUNKS[] = {1, 8, 4, 2};
        constexpr uint64_t FIELDS = 0x3fffull | 0x3fffull << 16 | 0x3fffull << 32 | 3ull << 62;
        if (d & ~FIELDS) {
            fail("a matrix descriptor with bits that are not used, or with a base offset");
        }
        chunks = CHUNKS[d >> 62];
    }

    // Address of the chunk of the right matrix that begins with element (k, n).
    uint32_t at(uint32_t k, uint32_t n, bool transposed) const {
        uint32_t address = start + (transposed ? n_major(k, n) : k_major(k, n));
        return address ^ (address >> 7 & (chunks - 1)) << 4;
    }

  private:
    static uint32_t field(uint64_t d, int shift) { return uint32_t(d >> shift & 0x3fff) << 4; }

    // Neighbours in k lie side by side: 16-byte chunks in rows of one n.
    uint32_t k_major(uint32_t k, uint32_t n) const {
        return n % 8 * chunks * 16 + n / 8 * stride + k / CHUNK * (chunks == 1 ? leading : 16);
    }

    // Neighbours in n lie side by side: 16-byte chunks in rows of one k.
    uint32_t n_major(uint32_t k, uint32_t n) const {
        uint32_t chunk = n / CHUNK, row = k % 8 * chunks * 16;
        return chunks == 1 ? row + chunk * stride + k / 8 * leading
                           : row + chunk % chunks * 16 + chunk / chunks * leading + k / 8 * stride;
    }
};

// The right matrix as it lies there: [n][16], or [16][n] if it is transposed.
std::vector<uint16_t> read_right(const Worker &w, const WarpgroupProduct &product) {
    Descriptor descriptor(product.b);
    std::vector<uint16_t> b(K * product.n);
    const uint32_t inner = product.transposed ? product.n : K;
    for (uint32_t i = 0; i < b.size(); i += CHUNK) {
        uint32_t outer = i / inner, first = i % inner;
        uint32_t k = product.transposed ? outer : first, n = product.transposed ? first : outer;
        uint32_t at = descriptor.at(k, n, product.transposed) - SHARED_BASE;
        if (uint64_t(at) + 2 * CHUNK > w.block.dynBytes) {
            fail("wgmma reads outside the dynamic shared memory");
        }
        const char *p = static_cast<const char *>(w.block.dyn) + at;
        if (w.proxies.unfenced(p) >= 0) {
            fail("wgmma reads what a thread has written, and not fenced by fence.proxy.async");
        }
        std::memcpy(&b[i], p, 2 * CHUNK);
    }
    return b;
}

uint64_t mixed(uint64_t hash, uint64_t value) { return (hash ^ value) * 0x9e3779b97f4a7c15u + 1; }

void whole_warp(uint32_t lanes) {
    if (lanes != 0xffffffffu) {
        fail("an operation of wgmma without the whole warp");
    }
}

float wide(uint32_t half) {
    uint32_t bits = half << 16;
    float x;
    std::memcpy(&x, &bits, 4);
    return x;
}

// Column n of the accumulators of row `lane / 4` (and of the row 8 further) is in lane 4 row + n / 2 % 4.
void multiply(const IssuedProduct &p) {
    const uint32_t n = p.operands.n;
    float a[16][K];
    std::vector<float> b(p.b.size()), d(16 * n);
    for (uint32_t k = 0; k < K; k++) {
        for (uint32_t c = 0; c < n; c++) {
            b[k * n + c] = wide(p.b[p.operands.transposed ? k * n + c : c * K + k]);
        }
    }
    auto each = [&](auto f) {
        for (uint32_t i = 0; i < 32 * n / 2; i++) {
            uint32_t lane = i % 32, r = i / 32;
            uint32_t row = lane / 4 + r / 2 % 2 * 8, column = r / 4 * 8 + lane % 4 * 2 + r % 2;
            f(p.d[lane][r], d[row * n + column]);
        }
    };
    for (int lane = 0; lane < 32; lane++) {
        for (int r = 0; r < 4; r++) {
            for (int half = 0; half < 2; half++) {
                int row = lane / 4 + r % 2 * 8, k = r / 2 * 8 + lane % 4 * 2 + half;
                a[row][k] = wide(p.a[lane][r] >> 16 * half & 0xffff);
            }
        }
    }
    if (p.operands.accumulate) {
        each([](float held, float &sum) { sum = held; });
    }
    for (int row = 0; row < 16; row++) {
        for (int k = 0; k < K; k++) {
            for (uint32_t c = 0; c < n; c++) {
                d[row * n + c] += a[row][k] * b[size_t(k) * n + c];
            }
        }
    }
    each([](float &held, float sum) { held = sum; });
}

// Registers and shared memory of a product belong to it until it is waited for.
void check_untouched(const Worker &w, const IssuedProduct &p) {
    for (int lane = 0; lane < 32 && !p.before.empty(); lane++) {
        const size_t registers = p.operands.n / 2;
        if (std::memcmp(p.d[lane], &p.before[lane * registers], registers * sizeof(float)) != 0) {
            fail("accumulators of wgmma were changed before it was waited for");
        }
    }
    if (read_right(w, p.operands) != p.b) {
        fail("shared memory that wgmma reads was changed before it was waited for");
    }
}

}  // namespace

void Proxies::next_block(const BlockState &block) {
    dyn = {static_cast<char *>(block.dyn), block.dynBytes};
    writer.assign((block.dynBytes + GRAIN - 1) / GRAIN, 0);
    touched.assign(size_t(block.blockSize.x) * block.blockSize.y * block.blockSize.z, {});
}

void Proxies::written(const Worker &w, const void *p, size_t bytes) {
    if (!dyn.contains(p, bytes) || !bytes) {
        return;
    }
    auto thread = uint32_t(w.current - w.threads.data());
    size_t first = size_t(static_cast<const char *>(p) - dyn.begin);
    for (size_t grain = first / GRAIN; grain * GRAIN < first + bytes; grain++) {
        if (writer[grain] != thread + 1) {
            writer[grain] = uint16_t(thread + 1);
            touched[thread].push_back(uint32_t(grain));
        }
    }
}

void Proxies::fence(const Worker &w) {
    auto thread = uint32_t(w.current - w.threads.data());
    for (uint32_t grain : touched[thread]) {
        if (writer[grain] == thread + 1) {
            writer[grain] = 0;
        }
    }
    touched[thread].clear();
}

int Proxies::unfenced(const void *p) const {
    return writer[size_t(static_cast<const char *>(p) - dyn.begin) / GRAIN] - 1;
}

void softgpu_mbarrier_init(uint64_t *p, uint32_t count) {
    if (reinterpret_cast<uintptr_t>(p) & 7 || count == 0 || count >= 1u << 20) {
        fail("mbarrier.init with an address or count that cannot be");
    }
    Mbarrier barrier{count, 0, count};
    std::memcpy(p, &barrier, sizeof barrier);
}

void softgpu_mbarrier_arrive(uint64_t *p) {
    Mbarrier &barrier = mbarrier(p);
    if (--barrier.pending) {
        return;
    }
    barrier.pending = barrier.count;
    barrier.phase ^= 1;
    worker->races.next_epoch();
    for (Thread &t : worker->threads) {
        if (t.status == ThreadStatus::AtMbarrier && t.mbarrier == p) {
            t.status = ThreadStatus::Runnable;
            t.warp->ready |= 1u << t.lane;
        }
    }
}

void softgpu_mbarrier_wait(uint64_t *p, unsigned parity) {
    Worker &w = *worker;
    while (mbarrier(p).phase == (parity & 1)) {
        w.current->status = ThreadStatus::AtMbarrier;
        w.current->mbarrier = p;
        w.suspend();
    }
}

uint32_t softgpu_shared_address(const void *p) {
    const BlockState &block = worker->block;
    auto offset = static_cast<const char *>(p) - static_cast<const char *>(block.dyn);
    if (offset < 0 || offset > block.dynBytes) {
        fail("the address of an operand is not in dynamic shared memory");
    }
    return uint32_t(offset) + SHARED_BASE;
}

void softgpu_fence_proxy_async() { worker->proxies.fence(*worker); }

void softgpu_wgmma(uint32_t lanes, void *const *argument) {
    whole_warp(lanes);
    Worker &w = *worker;
    WarpProducts &products = w.current->warp->products;
    if (!products.fenced) {
        fail("wgmma.mma_async without wgmma.fence since its registers could be accessed");
    }
    IssuedProduct p;
    p.operands = *static_cast<WarpgroupProduct *>(argument[0]);
    for (int lane = 0; lane < 32; lane++) {
        const auto &x = *static_cast<WarpgroupProduct *>(argument[lane]);
        if (x.b != p.operands.b || x.accumulate != p.operands.accumulate) {
            fail("lanes differ in the descriptor of a wgmma.mma_async");
        }
        p.d[lane] = x.d;
        std::memcpy(p.a[lane], x.a, sizeof p.a[lane]);
    }
    bool held = false;
    for (const IssuedProduct &earlier : products.issued) {
        held |= earlier.d[0] == p.d[0];
    }
    for (int lane = 0; lane < 32 && !held; lane++) {
        p.before.insert(p.before.end(), p.d[lane], p.d[lane] + p.operands.n / 2);
    }
    p.b = read_right(w, p.operands);
    p.group = products.group;
    const WarpgroupProduct &o = p.operands;
    products.history = mixed(mixed(products.history, o.b), o.n << 2 | o.transposed << 1 | o.accumulate);
    products.issued.push_back(std::move(p));
}

void softgpu_wgmma_fence(uint32_t lanes, void *const *) {
    whole_warp(lanes);
    worker->current->warp->products.fenced = true;
}

void softgpu_wgmma_commit(uint32_t lanes, void *const *) {
    whole_warp(lanes);
    worker->current->warp->products.group++;
}

void softgpu_wgmma_wait(uint32_t lanes, void *const *argument) {
    whole_warp(lanes);
    Worker &w = *worker;
    WarpProducts &products = w.current->warp->products;
    const uint32_t pending = *static_cast<uint32_t *>(argument[0]);
    std::vector<IssuedProduct> &issued = products.issued;
    size_t done = 0;
    while (done < issued.size() && issued[done].group + pending < products.group) {
        check_untouched(w, issued[done++]);
    }
    for (size_t i = 0; i < done; i++) {
        multiply(issued[i]);
    }
    issued.erase(issued.begin(), issued.begin() + long(done));
    products.fenced = false;
}

// At the end of a block: have the four warps of each warpgroup done the same, and waited for all?
void Worker::check_warpgroups() {
    for (size_t i = 0; i < warps.size(); i++) {
        const WarpProducts &products = warps[i].products;
        const char *mistake = !products.issued.empty() ? "a warp ends with wgmma.mma_async under way"
                              : products.history != warps[i & ~size_t(3)].products.history
                                  ? "the warps of a warpgroup differ in their wgmma.mma_async"
                                  : nullptr;
        if (mistake) {
            current = warps[i].first;
            report("%s; %s", mistake, where().c_str());
            stop_with(LAUNCH_FAILED);
        }
    }
}

}  // namespace softgpu
