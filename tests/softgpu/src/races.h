// The memory accesses of kernels built with --sanitize: are they inside allocations, has somebody written
// what they read, and does nothing but luck decide which of two threads comes first?
#pragma once
#include <array>
#include <memory>
#include <unordered_map>
#include <vector>

#include "internal.h"

namespace softgpu {

struct Allocation;
struct Worker;

// Who read or wrote a byte last. Epochs count barriers, over all blocks and launches; those of a warp
// count its own, over a block. Small, as every byte has two.
struct Access {
    enum Spread : uint32_t { Thread, Warp, Block };  // by how many: of reads only
    uint32_t epoch = 0;
    uint32_t warpEpoch : 20 = 0;
    uint32_t thread : 10 = 0;
    Spread spread : 2 = Thread;
};

struct History {
    Access write, read;
};

enum class AccessKind { Read, Write, Atomic };

class Races {
  public:
    void next_launch(const BlockState &block, Range staticShared);
    void next_block();
    void next_epoch() { epoch++; }
    bool active() const { return on; }

    // Ends the kernel if the access to [p, p + bytes) is a mistake.
    void check(Worker &, const void *p, size_t bytes, AccessKind);
    void check_copy(Worker &, const AsyncCopies::One &);

  private:
    static constexpr size_t PAGE = 4096;
    using Page = std::array<History, PAGE>;

    void check_shared(Worker &, std::vector<History> &, const Range &, const char *p, size_t bytes,
                      AccessKind);
    void check_global(Worker &, const char *p, size_t bytes, AccessKind);
    void find(Worker &, const char *p, size_t bytes, AccessKind);
    [[noreturn]] void unwritten(Worker &, const char *space, const char *p, size_t bytes, AccessKind);
    // Answers whether the access by the worker's current thread conflicts with an earlier one.
    bool conflicts(const Worker &, const Access &earlier) const;
    void note(const Worker &, History &, AccessKind);
    [[noreturn]] void race(Worker &, const char *space, const char *p, AccessKind, bool earlierWrote,
                           const Access &earlier);

    bool on = false;
    uint32_t epoch = 1, blockStart = 1, launchStart = 1;
    // Whether the block has used an atomic operation of global memory, by which blocks may order
    // their accesses.
    bool ordered = false;
    Range dyn, staticShared;
    Allocation *last = nullptr;  // that of the last access to global memory
    std::vector<History> dynHistory, staticHistory;
    std::unordered_map<uintptr_t, std::unique_ptr<Page>> pages;
};

}  // namespace softgpu
