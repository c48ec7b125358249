// Fibers: stacks that one host thread switches between.
#pragma once
#include <cstddef>
#include <vector>

#include "internal.h"

namespace softgpu {

struct Fiber {
    void *stackPointer = nullptr;
    Range stack;
};

// Goes on with `to`; returns when something switches back to `from`.
void switch_fiber(Fiber *from, Fiber *to);

// The fibers of a host thread. Each has a stack of 128 KiB below which an access faults.
class FiberPool {
  public:
    explicit FiberPool(void (*entry)()) : entry(entry) {}
    Fiber *take();
    void give(Fiber *fiber) { free.push_back(fiber); }
    // After a kernel that was stopped half-way: all fibers are free and begin anew.
    void reset();
    bool on_stack(const void *p, size_t bytes) const;

  private:
    void begin(Fiber *fiber);
    void grow();

    void (*entry)();
    std::vector<Fiber *> free, all;
    std::vector<Range> maps;
};

}  // namespace softgpu
