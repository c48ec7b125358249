#include "races.h"

#include "memory.h"
#include "worker.h"

namespace softgpu {

namespace {

// More than this many pages of history are forgotten between launches.
constexpr size_t KEPT_PAGES = 1024;

const char *verb(AccessKind kind) {
    switch (kind) {
    case AccessKind::Read: return "reads";
    case AccessKind::Write: return "writes";
    case AccessKind::Atomic: return "changes";
    }
    return "";
}

// What kernels read of the emulator's own memory, and the stacks of threads.
bool is_emulator(const Worker &w, const char *p, size_t bytes) {
    auto lies_in = [&](const void *begin, size_t size) {
        return Range{static_cast<char *>(const_cast<void *>(begin)), size}.contains(p, bytes);
    };
    return lies_in(w.threads.data(), w.threads.size() * sizeof(Thread)) ||
           lies_in(&softgpu_cur, sizeof softgpu_cur) || lies_in(&w.block, sizeof w.block) ||
           lies_in(w.warps.data(), w.warps.size() * sizeof(Warp)) || w.fibers.on_stack(p, bytes);
}

unsigned linear(const Worker &w) { return unsigned(w.current - w.threads.data()); }

}  // namespace

void Races::next_launch(const BlockState &block, Range shared) {
    on = options().sanitized;
    if (!on) {
        return;
    }
    dyn = {static_cast<char *>(block.dyn), block.dynBytes};
    staticShared = shared;
    dynHistory.resize(std::max(dynHistory.size(), dyn.bytes));
    staticHistory.resize(std::max(staticHistory.size(), shared.bytes));
    last = nullptr;
    if (pages.size() > KEPT_PAGES) {
        pages.clear();
    }
    launchStart = ++epoch;
}

void Races::next_block() {
    blockStart = ++epoch;
    ordered = false;
}

void Races::check(Worker &w, const void *address, size_t bytes, AccessKind kind) {
    auto p = static_cast<const char *>(address);
    if (w.current->fiber->stack.contains(p, bytes)) {
        return;  // the thread's own variables
    }
    if (dyn.contains(p, bytes)) {
        check_shared(w, dynHistory, dyn, p, bytes, kind);
        if (kind == AccessKind::Write) {
            w.proxies.written(w, p, bytes);
        }
    } else if (staticShared.contains(p, bytes)) {
        check_shared(w, staticHistory, staticShared, p, bytes, kind);
    } else if (last && last->range.contains(p, bytes)) {
        check_global(w, p, bytes, kind);
    } else if (!is_emulator(w, p, bytes) && !w.library->image.contains(p, bytes)) {
        find(w, p, bytes, kind);
        check_global(w, p, bytes, kind);
    }
}

void Races::find(Worker &w, const char *p, size_t bytes, AccessKind kind) {
    last = find_allocation(p, bytes);
    if (!last) {
        report("%s %zu bytes at %p, which are not in an allocation of the device; %s", verb(kind),
               bytes, static_cast<const void *>(p), w.where().c_str());
        w.stop_with(ILLEGAL_ADDRESS);
    }
}

void Races::check_copy(Worker &w, const AsyncCopies::One &copy) {
    if (copy.bytes) {
        check(w, copy.from, copy.bytes, AccessKind::Read);
    }
    check(w, copy.to, copy.bytes + copy.zero, AccessKind::Write);
}

void Races::check_shared(Worker &w, std::vector<History> &histories, const Range &range,
                         const char *p, size_t bytes, AccessKind kind) {
    for (size_t i = 0; i < bytes; i++) {
        History &h = histories[size_t(p - range.begin) + i];
        if (kind != AccessKind::Write && h.write.epoch < blockStart) {
            unwritten(w, "shared", p, bytes, kind);
        }
        if (kind != AccessKind::Atomic) {
            if (h.write.epoch == epoch && conflicts(w, h.write)) {
                race(w, "shared", p + i, kind, true, h.write);
            }
            if (kind == AccessKind::Write && h.read.epoch == epoch && conflicts(w, h.read)) {
                race(w, "shared", p + i, kind, false, h.read);
            }
        }
        note(w, h, kind);
    }
}

void Races::check_global(Worker &w, const char *p, size_t bytes, AccessKind kind) {
    auto offset = size_t(p - last->range.begin);
    if (kind == AccessKind::Write) {
        last->written.set(offset, bytes, true);
    } else if (!last->written.all(offset, bytes)) {
        unwritten(w, "global", p, bytes, kind);
    }
    if (kind == AccessKind::Atomic) {
        ordered = true;
    }
    for (size_t i = 0; i < bytes; i++) {
        auto at = reinterpret_cast<uintptr_t>(p + i);
        std::unique_ptr<Page> &page = pages[at / PAGE];
        if (!page) {
            page = std::make_unique<Page>();
        }
        History &h = (*page)[at % PAGE];
        auto mistake = [&](const Access &earlier) {
            if (earlier.epoch >= blockStart) {
                return earlier.epoch == epoch && conflicts(w, earlier);
            }
            return earlier.epoch >= launchStart && !ordered;  // another block's
        };
        if (kind != AccessKind::Atomic) {
            if (mistake(h.write)) {
                race(w, "global", p + i, kind, true, h.write);
            }
            if (kind == AccessKind::Write && mistake(h.read)) {
                race(w, "global", p + i, kind, false, h.read);
            }
        }
        note(w, h, kind);
    }
}

bool Races::conflicts(const Worker &w, const Access &earlier) const {
    unsigned self = linear(w);
    bool sameWarp = earlier.thread / 32 == self / 32;
    if (earlier.spread == Access::Block) {
        return true;
    }
    if (sameWarp && earlier.warpEpoch < w.current->warp->epoch) {
        return false;
    }
    return earlier.spread == Access::Warp || earlier.thread != self;
}

void Races::note(const Worker &w, History &h, AccessKind kind) {
    Access now{epoch, w.current->warp->epoch & 0xfffff, linear(w) & 0x3ff, Access::Thread};
    if (kind != AccessKind::Read) {
        h.write = now;
        return;
    }
    if (h.read.epoch == epoch && conflicts(w, h.read)) {
        bool sameWarp = h.read.thread / 32 == now.thread / 32;
        now.spread = sameWarp && h.read.spread != Access::Block ? Access::Warp : Access::Block;
    }
    h.read = now;
}

void Races::unwritten(Worker &w, const char *space, const char *p, size_t bytes, AccessKind kind) {
    report("%s %zu bytes of %s memory at %p, where nobody has written; %s", verb(kind), bytes, space,
           static_cast<const void *>(p), w.where().c_str());
    w.stop_with(LAUNCH_FAILED);
}

void Races::race(Worker &w, const char *space, const char *p, AccessKind kind, bool earlierWrote,
                 const Access &earlier) {
    char other[64];
    if (earlier.epoch < blockStart) {
        std::snprintf(other, sizeof other, "another block");
    } else {
        const Index3 &t = w.threads[earlier.thread].index;
        std::snprintf(other, sizeof other, "thread (%u,%u,%u)", t.x, t.y, t.z);
    }
    report("race: %s %s memory at %p that %s %s, and no barrier orders them; %s", verb(kind), space,
           static_cast<const void *>(p), other, earlierWrote ? "has written" : "has read",
           w.where().c_str());
    w.stop_with(LAUNCH_FAILED);
}

}  // namespace softgpu
