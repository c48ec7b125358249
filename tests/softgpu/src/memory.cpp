#include "memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>

#include "counters.h"
#include "stream.h"

namespace softgpu {

namespace {

constexpr size_t PAGE = 4096;
constexpr size_t ALIGNMENT = 256;
constexpr int POISON = 0xff;  // NaNs, and no valid index

// So many freed allocations keep their addresses, which cannot be accessed.
constexpr size_t QUARANTINE = 64;

size_t used = 0;

// By their addresses. Changed and searched under the driver's lock, which a kernel's launch holds.
std::map<char *, Allocation> &allocations() {
    static auto *map = new std::map<char *, Allocation>;
    return *map;
}

// Large memory is poisoned by mapping one file of poison again and again, so that what is never
// written takes no memory.
constexpr size_t TILE = 4 << 20;

void poison(char *begin, size_t bytes) {
    static const int file = [] {
        int fd = memfd_create("poison", MFD_CLOEXEC);
        std::vector<char> tile(TILE, char(POISON));
        return write(fd, tile.data(), TILE) == ssize_t(TILE) ? fd : -1;
    }();
    char *end = begin + bytes;
    while (begin < end) {
        size_t here = std::min(size_t(end - begin), TILE);
        bool aligned = reinterpret_cast<uintptr_t>(begin) % PAGE == 0;
        if (!aligned) {
            here = std::min(here, PAGE - reinterpret_cast<uintptr_t>(begin) % PAGE);
        }
        if (here < TILE || mmap(begin, TILE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0) ==
                               MAP_FAILED) {
            std::memset(begin, POISON, here);
        }
        begin += here;
    }
}

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

void unmap(const Range &map) {
    static auto *freed = new std::deque<Range>;
    mprotect(map.begin, map.bytes, PROT_NONE);
    madvise(map.begin, map.bytes, MADV_DONTNEED);
    freed->push_back(map);
    if (freed->size() > QUARANTINE) {
        munmap(freed->front().begin, freed->front().bytes);
        freed->pop_front();
    }
}

// Nobody sees what the host writes into its own memory: that counts as written.
void add(Allocation a) {
    if (options().sanitized) {
        a.written = Written(a.range.bytes);
        a.written.set(0, a.kind == MemoryKind::Device ? 0 : a.range.bytes, true);
    }
    allocations()[a.range.begin] = std::move(a);
}

void forget(std::map<char *, Allocation>::iterator at) {
    const Allocation &a = at->second;
    if (a.kind == MemoryKind::Device) {
        used -= a.range.bytes;
        count(Counter::Frees);
    }
    if (a.map.bytes) {
        unmap(a.map);
    }
    allocations().erase(at);
}

}  // namespace

size_t device_bytes_used() { return used; }

bool Written::all(size_t offset, size_t n) const {
    return !marks || !std::memchr(marks.get() + offset, 0, n);
}

void Written::set(size_t offset, size_t n, bool written) {
    if (marks) {
        std::memset(marks.get() + offset, written, n);
    }
}

void Written::copy(size_t offset, const Written &other, size_t other_offset, size_t n) {
    if (marks && other.marks) {
        std::memmove(marks.get() + offset, other.marks.get() + other_offset, n);
    } else {
        set(offset, n, true);
    }
}

Allocation *find_allocation(const void *p, size_t bytes) {
    auto at = allocations().upper_bound(static_cast<char *>(const_cast<void *>(p)));
    if (at == allocations().begin()) {
        return nullptr;
    }
    --at;
    return at->second.range.contains(p, bytes) ? &at->second : nullptr;
}

bool is_device(const void *p, size_t bytes) {
    Lock lock;
    return find_allocation(p, bytes) != nullptr;
}

void mark_written(const void *p, size_t bytes, bool written) {
    Allocation *a = options().sanitized ? find_allocation(p, bytes) : nullptr;
    if (a) {
        a->written.set(size_t(static_cast<const char *>(p) - a->range.begin), bytes, written);
    }
}

void copy_written(void *to, const void *from, size_t bytes) {
    Allocation *a = options().sanitized ? find_allocation(to, bytes) : nullptr;
    const Allocation *b = find_allocation(from, bytes);
    if (a && b) {
        a->written.copy(size_t(static_cast<char *>(to) - a->range.begin), b->written,
                        size_t(static_cast<const char *>(from) - b->range.begin), bytes);
    }
}

int allocate(void **out, size_t bytes, MemoryKind kind, Context *owner) {
    if (!bytes) {
        return INVALID_VALUE;
    }
    if (kind == MemoryKind::Device && used + bytes > options().memory) {
        return OUT_OF_MEMORY;
    }
    size_t rounded = round_up(bytes, ALIGNMENT), mapped = round_up(rounded, PAGE) + 2 * PAGE;
    void *map = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        return OUT_OF_MEMORY;
    }
    char *begin = static_cast<char *>(map), *end = begin + mapped - PAGE;
    mprotect(begin, PAGE, PROT_NONE);
    mprotect(end, PAGE, PROT_NONE);
    char *p = end - rounded;
    if (kind == MemoryKind::Device) {
        poison(p, rounded);
        used += bytes;
        count(Counter::Allocations);
    }
    add({{p, bytes}, {begin, mapped}, kind, owner, {}});
    *out = p;
    return SUCCESS;
}

int register_memory(void *p, size_t bytes, Context *owner) {
    char *begin = static_cast<char *>(p);
    if (!p || !bytes) {
        return INVALID_VALUE;
    }
    auto next = allocations().lower_bound(begin);
    if (next != allocations().end() && next->first < begin + bytes) {
        return HOST_MEMORY_ALREADY_REGISTERED;
    }
    if (next != allocations().begin()) {
        const Range &before = std::prev(next)->second.range;
        if (before.begin + before.bytes > begin) {
            return HOST_MEMORY_ALREADY_REGISTERED;
        }
    }
    add({{begin, bytes}, {}, MemoryKind::Registered, owner, {}});
    return SUCCESS;
}

int release(void *p, MemoryKind kind) {
    auto at = allocations().find(static_cast<char *>(p));
    if (at == allocations().end() || at->second.kind != kind) {
        return kind == MemoryKind::Registered ? HOST_MEMORY_NOT_REGISTERED : INVALID_VALUE;
    }
    forget(at);
    return SUCCESS;
}

void release_all(Context *owner) {
    for (auto at = allocations().begin(); at != allocations().end();) {
        auto here = at++;
        if (here->second.owner == owner) {
            forget(here);
        }
    }
}

}  // namespace softgpu
