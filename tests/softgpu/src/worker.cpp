#include "worker.h"

#include <csignal>
#include <cstdio>
#include <cstring>

namespace softgpu {

thread_local ThreadState *softgpu_cur = nullptr;
thread_local Worker *worker __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

constexpr size_t DYN_ALIGNMENT = 1024;

// Shared memory begins as NaNs.
constexpr int POISON = 0xff;

int pick(Order order, uint32_t lanes) {
    switch (order) {
    case Order::Forward: return __builtin_ctz(lanes);
    case Order::Reverse: return 31 - __builtin_clz(lanes);
    case Order::Random: break;
    }
    for (unsigned k = random_below(unsigned(__builtin_popcount(lanes))); k > 0; k--) {
        lanes &= lanes - 1;
    }
    return __builtin_ctz(lanes);
}

// What a fiber does: it runs threads that have not begun, until one has to go on in a fiber of its own.
void run_threads() {
    Worker &w = *worker;
    for (;;) {
        Fiber *self = w.current->fiber;
        w.launch->kernel->invoke(w.launch->arguments);
        if (w.launch->dependent && !w.current->waited) {
            fail("a thread of a dependent launch has ended without griddepcontrol.wait");
        }
        w.thread_done();
        Thread *next = w.next_in_warp(*w.current->warp);
        if (next && !next->fiber) {
            next->fiber = self;
            w.enter(next);
            continue;
        }
        w.fibers.give(self);
        if (next) {
            w.enter(next);
        }
        switch_fiber(self, next ? next->fiber : &w.scheduler);
    }
}

}  // namespace

Worker::Worker() : fibers(run_threads) {}

Thread *Worker::next_in_warp(Warp &warp) {
    if (!warp.ready) {
        return nullptr;
    }
    int lane = pick(order, warp.ready);
    warp.ready &= ~(1u << lane);
    return warp.first + lane;
}

void Worker::enter(Thread *thread) {
    current = thread;
    softgpu_cur = thread;
    thread->status = ThreadStatus::Runnable;
}

// Lets others run until something makes the current thread ready again.
void Worker::suspend() {
    Thread *self = current;
    Thread *next = next_in_warp(*self->warp);
    if (!next) {
        switch_fiber(self->fiber, &scheduler);
        return;
    }
    if (!next->fiber) {
        next->fiber = fibers.take();
    }
    enter(next);
    switch_fiber(self->fiber, next->fiber);
}

void Worker::release(int id) {
    Barrier &barrier = barriers[id];
    barrier.result = barrier.value;
    barrier.arrived = 0;
    races.next_epoch();
    for (Thread &t : threads) {
        if (t.status == ThreadStatus::AtBarrier && t.barrier == id) {
            t.status = ThreadStatus::Runnable;
            t.warp->ready |= 1u << t.lane;
        }
    }
}

static void run_operation(Warp &warp, int lowest) {
    uint32_t lanes = warp.arrived[lowest];
    warp.arrived[lowest] = 0;
    warp.pending &= ~(1u << lowest);
    warp.function[lowest](lanes, warp.argument);
}

void Worker::thread_done() {
    current->status = ThreadStatus::Done;
    Warp &warp = *current->warp;
    warp.alive &= ~(1u << current->lane);
    alive--;
    for (uint32_t p = warp.pending; p; p &= p - 1) {  // operations that waited for this lane alone
        int lowest = __builtin_ctz(p);
        uint32_t lanes = warp.arrived[lowest];
        if (lanes == (warp.mask[lowest] & warp.alive)) {
            run_operation(warp, lowest);
            warp.ready |= lanes;
        }
    }
    Barrier &barrier = barriers[0];
    if (barrier.arrived && barrier.count == 0 && barrier.arrived == alive) {
        release(0);
    }
}

void Worker::begin_block() {
    const Index3 &size = launch->blockSize;
    unsigned count = size.x * size.y * size.z;
    if (shape.x != size.x || shape.y != size.y || shape.z != size.z) {
        shape = size;
        threads.assign(count, Thread{});
        warps.assign((count + 31) / 32, Warp{});
        for (unsigned i = 0; i < count; i++) {
            Thread &t = threads[i];
            t.warp = &warps[i / 32];
            t.index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
            t.lane = i % 32;
            t.block = &block;
            if (t.lane == 0) {
                t.warp->first = &t;
            }
        }
    }
    for (Thread &t : threads) {
        t.fiber = nullptr;
        t.status = ThreadStatus::New;
        t.copies.list.clear();
        t.copies.group = 0;
        t.waited = false;
    }
    for (size_t i = 0; i < warps.size(); i++) {
        unsigned left = count - unsigned(i) * 32;
        Warp &warp = warps[i];
        warp.alive = warp.ready = left >= 32 ? ~0u : (1u << left) - 1;
        warp.yielded = warp.pending = warp.epoch = 0;
        std::memset(warp.arrived, 0, sizeof warp.arrived);
        warp.products = {};
    }
    std::memset(static_cast<void *>(barriers), 0, sizeof barriers);
    alive = count;
    std::memset(block.dyn, POISON, block.dynBytes);
    if (staticShared.bytes) {
        std::memset(staticShared.begin, POISON, staticShared.bytes);
    }
    races.next_block();
    proxies.next_block(block);
}

void Worker::run_block(uint64_t index) {
    const Index3 &grid = launch->gridSize;
    block.index = {unsigned(index % grid.x), unsigned(index / grid.x % grid.y),
                   unsigned(index / grid.x / grid.y)};
    begin_block();
    while (alive) {
        bool moved = false;
        for (size_t k = 0; k < warps.size(); k++) {
            Warp &warp = warps[order == Order::Reverse ? warps.size() - 1 - k : k];
            while (Thread *t = next_in_warp(warp)) {
                if (!t->fiber) {
                    t->fiber = fibers.take();
                }
                enter(t);
                moved = true;
                switch_fiber(&scheduler, t->fiber);
            }
        }
        for (Warp &warp : warps) {
            if (warp.yielded) {
                warp.ready |= warp.yielded;
                warp.yielded = 0;
                moved = true;
            }
        }
        if (!moved) {
            deadlock();
        }
        if (launch->error.load(std::memory_order_relaxed)) {
            return;
        }
    }
    check_warpgroups();
}

// This host thread's share of a launch.
void Worker::run_blocks(Launch &l) {
    launch = &l;
    library = &library_of(*l.kernel);
    staticShared = library->shared;
    order = options().order;
    if (dyn.size() < l.dynBytes + DYN_ALIGNMENT) {
        dyn.resize(l.dynBytes + DYN_ALIGNMENT);
    }
    auto aligned = (reinterpret_cast<uintptr_t>(dyn.data()) + DYN_ALIGNMENT - 1) & -DYN_ALIGNMENT;
    block = {{0, 0, 0}, l.blockSize, l.gridSize, reinterpret_cast<void *>(aligned), l.dynBytes};
    races.next_launch(block, staticShared);
    stack_t alternative{}, before{};
    alternative.ss_sp = signalStack;
    alternative.ss_size = sizeof signalStack;
    sigaltstack(&alternative, &before);
    if (sigsetjmp(stop, 0) == 0) {
        for (;;) {
            uint64_t begin = l.next.fetch_add(l.chunk, std::memory_order_relaxed);
            if (begin >= l.blocks || l.error.load(std::memory_order_relaxed)) {
                break;
            }
            for (uint64_t b = begin; b < std::min(l.blocks, begin + l.chunk); b++) {
                run_block(order == Order::Reverse ? l.blocks - 1 - b : b);
            }
        }
    }
    if (l.error) {
        fibers.reset();
        shape = {0, 0, 0};
    }
    current = nullptr;
    launch = nullptr;
    softgpu_cur = nullptr;
    failing = false;
    sigaltstack(&before, nullptr);
}

std::string Worker::where() const {
    const Index3 &b = block.index, &t = current->index;
    char text[256];
    std::snprintf(text, sizeof text, "kernel %s, block (%u,%u,%u), thread (%u,%u,%u)",
                  launch->kernel->name, b.x, b.y, b.z, t.x, t.y, t.z);
    return text;
}

void Worker::stop_with(Status status) {
    launch->error = status;
    siglongjmp(stop, 1);
}

void Worker::deadlock() {
    constexpr int SHOWN = 4;
    std::string waiting;
    int shown = 0;
    for (const Thread &t : threads) {
        if (t.status == ThreadStatus::Done || shown++ >= SHOWN) {
            continue;
        }
        char text[128];
        if (t.status == ThreadStatus::AtBarrier) {
            std::snprintf(text, sizeof text, " thread (%u,%u,%u) at barrier %d,", t.index.x, t.index.y,
                          t.index.z, t.barrier);
        } else if (t.status == ThreadStatus::AtMbarrier) {
            std::snprintf(text, sizeof text, " thread (%u,%u,%u) at an mbarrier at %p,", t.index.x,
                          t.index.y, t.index.z, static_cast<const void *>(t.mbarrier));
        } else {
            std::snprintf(text, sizeof text, " thread (%u,%u,%u) in a warp operation with mask %08x,",
                          t.index.x, t.index.y, t.index.z, t.mask);
        }
        waiting += text;
    }
    report("deadlock, no thread of the block can go on: %s %u of %zu threads have not ended; %s",
           waiting.c_str(), alive, threads.size(), where().c_str());
    stop_with(LAUNCH_FAILED);
}

void fail(const char *what) {
    report("%s; %s", what, worker->where().c_str());
    worker->stop_with(LAUNCH_FAILED);
}

void softgpu_warp(uint32_t mask, WarpFunction function, void *argument) {
    Worker &w = *worker;
    Thread &self = *w.current;
    Warp &warp = *self.warp;
    uint32_t bit = 1u << self.lane;
    if (!(mask & bit)) {
        fail("a lane calls a warp operation whose mask does not name it");
    }
    int lowest = __builtin_ctz(mask);
    if (!warp.arrived[lowest]) {
        warp.mask[lowest] = mask;
        warp.function[lowest] = function;
        warp.pending |= 1u << lowest;
    } else if (warp.mask[lowest] != mask || warp.function[lowest] != function) {
        fail("lanes of one warp operation differ in the operation or its mask");
    }
    warp.arrived[lowest] |= bit;
    warp.argument[self.lane] = argument;
    if (warp.arrived[lowest] == (mask & warp.alive)) {
        uint32_t others = warp.arrived[lowest] & ~bit;
        run_operation(warp, lowest);
        warp.ready |= others;
        return;
    }
    self.status = ThreadStatus::InWarp;
    self.mask = mask;
    w.suspend();
}

// Only __syncwarp orders the lanes' accesses to memory.
void softgpu_syncwarp(uint32_t, void *const *) { worker->current->warp->epoch++; }

uint32_t softgpu_active_mask() { return worker->current->warp->alive; }

int softgpu_barrier(int id, unsigned count, Vote vote, int value) {
    Worker &w = *worker;
    Barrier &barrier = w.barriers[id];
    if (!barrier.arrived) {
        barrier.count = count;
        barrier.vote = vote;
        barrier.value = vote == Vote::And;
    } else if (barrier.vote != vote) {
        fail("threads meet at different kinds of __syncthreads");
    }
    switch (vote) {
    case Vote::None: break;
    case Vote::Count: barrier.value += value; break;
    case Vote::And: barrier.value &= value; break;
    case Vote::Or: barrier.value |= value; break;
    }
    barrier.arrived++;
    if (barrier.arrived == (count ? count : w.alive)) {
        w.release(id);
        return barrier.result;
    }
    w.current->status = ThreadStatus::AtBarrier;
    w.current->barrier = uint8_t(id);
    w.suspend();
    return barrier.result;
}

void softgpu_yield() {
    Thread &self = *worker->current;
    self.warp->yielded |= 1u << self.lane;
    worker->suspend();
}

void softgpu_cp_async(void *to, const void *from, uint32_t bytes, uint32_t zeros) {
    AsyncCopies &copies = worker->current->copies;
    copies.list.push_back({to, from, bytes, zeros, copies.group});
}

void softgpu_cp_async_commit() { worker->current->copies.group++; }

void softgpu_cp_async_wait(uint32_t pending) {
    Worker &w = *worker;
    AsyncCopies &copies = w.current->copies;
    size_t done = 0;
    for (; done < copies.list.size() && copies.list[done].group + pending < copies.group; done++) {
        const AsyncCopies::One &copy = copies.list[done];
        if (w.races.active()) {
            w.races.check_copy(w, copy);
        }
        std::memcpy(copy.to, copy.from, copy.bytes);
        std::memset(static_cast<char *>(copy.to) + copy.bytes, 0, copy.zero);
        w.proxies.written(w, copy.to, copy.bytes + copy.zero);
    }
    copies.list.erase(copies.list.begin(), copies.list.begin() + long(done));
}

}  // namespace softgpu
