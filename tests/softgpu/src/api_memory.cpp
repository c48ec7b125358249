// The driver API: memory, copies, fills.
#include <algorithm>
#include <cstring>

#include "counters.h"
#include "memory.h"
#include "stream.h"

using namespace softgpu;

namespace {

using DevicePointer = char *;

enum class Way { In, Out, Within };

bool is_on_device(const void *p, size_t bytes) {
    const Allocation *a = find_allocation(p, bytes);
    return a && a->kind == MemoryKind::Device;
}

// A call that may wait for the device is not allowed now, or the context cannot be used.
int refuse_wait() {
    if (int e = usable()) {
        return e;
    }
    return forbidden_by_capture();
}

int copy(void *to, const void *from, size_t bytes, Way way, Stream *stream) {
    if (!stream) {
        return INVALID_HANDLE;
    }
    const bool toDevice = way != Way::Out, fromDevice = way != Way::In;
    if (bytes && ((toDevice && !find_allocation(to, bytes)) ||
                  (fromDevice && !find_allocation(from, bytes)))) {
        report("a copy of %zu bytes from %p to %p is not within an allocation of the device", bytes,
               from, to);
        return INVALID_VALUE;
    }
    std::function<int()> run = [=] {
        count(Counter(int(Counter::CopiesIn) + int(way)));
        count(Counter(int(Counter::BytesIn) + int(way)), bytes);
        std::memmove(to, from, bytes);
        if (way == Way::Within) {
            copy_written(to, from, bytes);
        } else {
            mark_written(to, bytes);
        }
        return SUCCESS;
    };
    std::string what = "copy " + std::to_string(bytes);
    if (stream->capture) {
        return put(*stream, what, run);
    }
    if (!fromDevice && !find_allocation(from, bytes)) {
        // From pageable memory the driver takes the bytes before it returns.
        auto bytesNow = std::make_shared<std::vector<char>>(
            static_cast<const char *>(from), static_cast<const char *>(from) + bytes);
        run = [=] {
            count(Counter::CopiesIn);
            count(Counter::BytesIn, bytes);
            std::memcpy(to, bytesNow->data(), bytes);
            mark_written(to, bytes);
            return SUCCESS;
        };
    }
    return put(*stream, what, run);
}

int copy_async(void *to, const void *from, size_t bytes, Way way, void *stream) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    Stream *s = stream_of(stream);
    int e = copy(to, from, bytes, way, s);
    if (e || s->capture || way != Way::Out || find_allocation(to, bytes)) {
        return e;
    }
    count(Counter::Waits);  // a copy to pageable memory waits
    return drain(*s);
}

int copy_now(void *to, const void *from, size_t bytes, Way way) {
    Lock lock;
    if (int e = refuse_wait()) {
        return e;
    }
    count(Counter::Waits);
    if (int e = copy(to, from, bytes, way, current_context()->null)) {
        return e;
    }
    return drain(*current_context()->null);
}

Way way_of(const void *to, const void *from, size_t bytes) {
    return !is_on_device(from, bytes) ? Way::In : is_on_device(to, bytes) ? Way::Within : Way::Out;
}

template <class T> int fill_on(Stream *stream, DevicePointer to, T value, size_t n) {
    if (!stream) {
        return INVALID_HANDLE;
    }
    if (reinterpret_cast<uintptr_t>(to) % sizeof(T) || (n && !find_allocation(to, n * sizeof(T)))) {
        report("a fill of %zu bytes at %p is not within an allocation of the device", n * sizeof(T),
               static_cast<void *>(to));
        return INVALID_VALUE;
    }
    return put(*stream, "fill " + std::to_string(n * sizeof(T)), [=] {
        std::fill_n(reinterpret_cast<T *>(to), n, value);
        mark_written(to, n * sizeof(T));
        return SUCCESS;
    });
}

template <class T> int fill(DevicePointer to, T value, size_t n, void *stream) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    return fill_on(stream_of(stream), to, value, n);
}

template <class T> int fill_now(DevicePointer to, T value, size_t n) {
    Lock lock;
    if (int e = refuse_wait()) {
        return e;
    }
    return fill_on(current_context()->null, to, value, n);
}

int free_memory(void *p, MemoryKind kind) {
    Lock lock;
    if (int e = refuse_wait()) {
        return e;
    }
    if (!p) {
        return SUCCESS;
    }
    count(Counter::Waits);
    drain_context(*current_context());
    int e = release(p, kind);
    return current_context()->error ? current_context()->error : e;
}

}  // namespace

API int cuMemAlloc_v2(void **p, size_t bytes) {
    Lock lock;
    if (int e = refuse_wait()) {
        return e;
    }
    return allocate(p, bytes, MemoryKind::Device, current_context());
}

API int cuMemFree_v2(DevicePointer p) { return free_memory(p, MemoryKind::Device); }

API int cuMemAllocHost_v2(void **p, size_t bytes) {
    Lock lock;
    if (int e = refuse_wait()) {
        return e;
    }
    return allocate(p, bytes, MemoryKind::Pinned, current_context());
}

API int cuMemHostAlloc(void **p, size_t bytes, unsigned) { return cuMemAllocHost_v2(p, bytes); }

API int cuMemFreeHost(void *p) { return free_memory(p, MemoryKind::Pinned); }

API int cuMemHostRegister_v2(void *p, size_t bytes, unsigned) {
    Lock lock;
    if (int e = refuse_wait()) {
        return e;
    }
    return register_memory(p, bytes, current_context());
}

API int cuMemHostUnregister(void *p) { return free_memory(p, MemoryKind::Registered); }

API int cuMemHostGetDevicePointer_v2(void **device, void *host, unsigned) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    *device = host;
    const Allocation *a = find_allocation(host, 1);
    return a && a->kind != MemoryKind::Device ? SUCCESS : INVALID_VALUE;
}

API int cuMemGetInfo_v2(size_t *free, size_t *total) {
    Lock lock;
    *total = options().memory;
    *free = *total - std::min(*total, device_bytes_used());
    return usable();
}

API int cuMemGetAddressRange_v2(void **base, size_t *bytes, DevicePointer p) {
    Lock lock;
    const Allocation *a = find_allocation(p, 1);
    if (!a) {
        return NOT_FOUND;
    }
    if (base) {
        *base = a->range.begin;
    }
    if (bytes) {
        *bytes = a->range.bytes;
    }
    return usable();
}

API int cuMemcpyHtoD_v2(DevicePointer to, const void *from, size_t bytes) {
    return copy_now(to, from, bytes, Way::In);
}

API int cuMemcpyDtoH_v2(void *to, DevicePointer from, size_t bytes) {
    return copy_now(to, from, bytes, Way::Out);
}

API int cuMemcpyDtoD_v2(DevicePointer to, DevicePointer from, size_t bytes) {
    return copy_now(to, from, bytes, Way::Within);
}

API int cuMemcpy(DevicePointer to, DevicePointer from, size_t bytes) {
    return copy_now(to, from, bytes, way_of(to, from, bytes));
}

API int cuMemcpyHtoDAsync_v2(DevicePointer to, const void *from, size_t bytes, void *stream) {
    return copy_async(to, from, bytes, Way::In, stream);
}

API int cuMemcpyDtoHAsync_v2(void *to, DevicePointer from, size_t bytes, void *stream) {
    return copy_async(to, from, bytes, Way::Out, stream);
}

API int cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, size_t bytes, void *stream) {
    return copy_async(to, from, bytes, Way::Within, stream);
}

API int cuMemcpyAsync(DevicePointer to, DevicePointer from, size_t bytes, void *stream) {
    return copy_async(to, from, bytes, way_of(to, from, bytes), stream);
}

API int cuMemsetD8_v2(DevicePointer to, uint8_t value, size_t n) { return fill_now(to, value, n); }

API int cuMemsetD16_v2(DevicePointer to, uint16_t value, size_t n) { return fill_now(to, value, n); }

API int cuMemsetD32_v2(DevicePointer to, uint32_t value, size_t n) { return fill_now(to, value, n); }

API int cuMemsetD8Async(DevicePointer to, uint8_t value, size_t n, void *stream) {
    return fill(to, value, n, stream);
}

API int cuMemsetD16Async(DevicePointer to, uint16_t value, size_t n, void *stream) {
    return fill(to, value, n, stream);
}

API int cuMemsetD32Async(DevicePointer to, uint32_t value, size_t n, void *stream) {
    return fill(to, value, n, stream);
}
