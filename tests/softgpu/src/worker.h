// A host thread that runs the blocks of a grid, one after the other.
#pragma once
#include <csetjmp>
#include <memory>

#include "fiber.h"
#include "internal.h"
#include "races.h"
#include "warpgroup.h"

namespace softgpu {

enum class ThreadStatus : uint8_t { New, Runnable, AtBarrier, AtMbarrier, InWarp, Done };

struct Warp;

struct Thread : ThreadState {
    Warp *warp;
    Fiber *fiber;
    ThreadStatus status;
    uint8_t barrier;  // where it is AtBarrier
    uint32_t mask;    // of the operation where it is InWarp
    const uint64_t *mbarrier;  // where it is AtMbarrier
};

struct Warp {
    Thread *first;
    uint32_t alive;    // lanes that have not ended
    uint32_t ready;    // lanes that can run
    uint32_t yielded;  // lanes that can run once the others have had their turn
    uint32_t pending;  // lowest lanes of the masks of operations that wait for lanes
    uint32_t epoch;    // __syncwarps so far
    // Of the operation whose mask has lane g lowest: its mask, the lanes that have arrived, what it does.
    uint32_t mask[32], arrived[32];
    WarpFunction function[32];
    void *argument[32];  // by lane
    WarpProducts products;
};

struct Barrier {
    unsigned arrived, count;
    Vote vote;
    int value, result;
};

struct Worker {
    std::vector<Thread> threads;
    std::vector<Warp> warps;
    FiberPool fibers;
    Fiber scheduler;
    Thread *current = nullptr;
    Barrier barriers[16];
    unsigned alive = 0;
    Index3 shape{0, 0, 0};  // of the block that threads and warps are set up for
    BlockState block{};
    std::vector<char> dyn;
    Range staticShared;
    Launch *launch = nullptr;
    const Library *library = nullptr;
    Order order = Order::Forward;
    Races races;
    Proxies proxies;
    std::atomic<bool> failing{false};
    sigjmp_buf stop;
    char signalStack[64 << 10];

    Worker();
    void run_blocks(Launch &);
    void run_block(uint64_t index);
    void begin_block();
    Thread *next_in_warp(Warp &);
    void enter(Thread *);
    void suspend();
    void release(int barrier);
    void thread_done();
    void check_warpgroups();
    [[noreturn]] void deadlock();
    // Ends the launch.
    [[noreturn]] void stop_with(Status);
    // "kernel rms_norm, block (0,0,0), thread (3,0,0)"
    std::string where() const;
};

// That of this host thread: null until it has run a block.
extern thread_local Worker *worker __attribute__((tls_model("initial-exec")));

void install_fault_handlers();
void unblock_faults();  // on a thread of ours

}  // namespace softgpu
