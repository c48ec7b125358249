// Device, pinned and registered memory. Device addresses are host addresses.
#pragma once
#include "internal.h"

namespace softgpu {

struct Context;

enum class MemoryKind { Device, Pinned, Registered };

struct Allocation {
    Range range;
    Range map;  // with the guard pages; empty where the memory is another's
    MemoryKind kind;
    Context *owner;
};

// The allocation that holds [p, p + bytes), or null.
const Allocation *find_allocation(const void *p, size_t bytes);

// New memory of `bytes` that ends at a page which cannot be accessed; device memory begins as NaNs.
int allocate(void **out, size_t bytes, MemoryKind kind, Context *owner);
int register_memory(void *p, size_t bytes, Context *owner);
// Frees what `allocate` gave, or forgets what was registered; INVALID_VALUE if p is not the start of such.
int release(void *p, MemoryKind kind);
void release_all(Context *owner);
size_t device_bytes_used();

}  // namespace softgpu
