#include "fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#if !defined(__x86_64__)
#error "the software GPU's fibers are written for x86-64"
#endif

namespace softgpu {

namespace {

constexpr size_t STACK_BYTES = 128 << 10;
constexpr size_t PAGE = 4096;
constexpr int FIBERS_A_MAP = 32;

extern "C" void softgpu_switch(void **save, void *to);
asm(R"(
.text
.globl softgpu_switch
.hidden softgpu_switch
.type softgpu_switch,@function
softgpu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size softgpu_switch, .-softgpu_switch
)");

constexpr int SAVED_REGISTERS = 6;

}  // namespace

void switch_fiber(Fiber *from, Fiber *to) { softgpu_switch(&from->stackPointer, to->stackPointer); }

void FiberPool::begin(Fiber *fiber) {
    auto top = reinterpret_cast<void **>(fiber->stack.begin + fiber->stack.bytes);
    *--top = nullptr;  // where the entry would return to; leaves the stack as the ABI wants it
    *--top = reinterpret_cast<void *>(entry);
    for (int i = 0; i < SAVED_REGISTERS; i++) {
        *--top = nullptr;
    }
    fiber->stackPointer = top;
}

void FiberPool::grow() {
    constexpr size_t one = STACK_BYTES + PAGE;
    void *map = mmap(nullptr, FIBERS_A_MAP * one, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        std::perror("software GPU: stacks of threads");
        std::abort();
    }
    char *at = static_cast<char *>(map);
    maps.push_back({at, FIBERS_A_MAP * one});
    for (int i = FIBERS_A_MAP - 1; i >= 0; i--) {
        mprotect(at + i * one, PAGE, PROT_NONE);
        auto fiber = new Fiber{nullptr, {at + i * one + PAGE, STACK_BYTES}};
        begin(fiber);
        all.push_back(fiber);
        free.push_back(fiber);
    }
}

Fiber *FiberPool::take() {
    if (free.empty()) {
        grow();
    }
    Fiber *fiber = free.back();
    free.pop_back();
    return fiber;
}

void FiberPool::reset() {
    free = all;
    for (Fiber *fiber : all) {
        begin(fiber);
    }
}

bool FiberPool::on_stack(const void *p, size_t bytes) const {
    for (const Range &map : maps) {
        if (map.contains(p, bytes)) {
            return true;
        }
    }
    return false;
}

}  // namespace softgpu
