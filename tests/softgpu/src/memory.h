// Device, pinned and registered memory. Device addresses are host addresses.
#pragma once
#include <cstdlib>
#include <memory>

#include "internal.h"

namespace softgpu {

struct Context;

enum class MemoryKind { Device, Pinned, Registered };

// Which bytes of an allocation have been written: takes memory for those alone. One that watches nothing
// says that all have been.
class Written {
  public:
    Written() = default;
    explicit Written(size_t bytes) : marks(static_cast<char *>(std::calloc(bytes, 1))) {}

    bool all(size_t offset, size_t n) const;
    void set(size_t offset, size_t n, bool written);
    // As the n bytes from `other_offset` of the other are.
    void copy(size_t offset, const Written &other, size_t other_offset, size_t n);

  private:
    struct Free {
        void operator()(char *p) const { std::free(p); }
    };
    std::unique_ptr<char, Free> marks;
};

struct Allocation {
    Range range;
    Range map;  // with the guard pages; empty where the memory is another's
    MemoryKind kind;
    Context *owner;
    Written written;  // watched in allocations that are made while `sanitized` is set
};

// The allocation that holds [p, p + bytes), or null.
Allocation *find_allocation(const void *p, size_t bytes);

// New memory of `bytes` that ends at a page which cannot be accessed; device memory begins as NaNs.
int allocate(void **out, size_t bytes, MemoryKind kind, Context *owner);
int register_memory(void *p, size_t bytes, Context *owner);
// Frees what `allocate` gave, or forgets what was registered; INVALID_VALUE if p is not the start of such.
int release(void *p, MemoryKind kind);
void release_all(Context *owner);
size_t device_bytes_used();

// A copy within the device: what was never written is not written then.
void copy_written(void *to, const void *from, size_t bytes);

}  // namespace softgpu
