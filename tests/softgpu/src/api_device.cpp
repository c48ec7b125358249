// The driver API: start, devices, contexts, errors.
#include <cstdio>
#include <cstring>
#include <map>

#include "counters.h"
#include "memory.h"
#include "stream.h"

using namespace softgpu;

namespace {

constexpr int PROCESSORS = 16, CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76;
constexpr int PROCESSOR_SHARED = 81, BLOCK_SHARED = 97;

// What is the same for all capabilities; others answer 0.
const std::map<int, int> ATTRIBUTES = {
    {1, 1024},       // threads of a block
    {2, 1024},       // block x
    {3, 1024},       // block y
    {4, 64},         // block z
    {5, 0x7fffffff}, // grid x
    {6, 65535},      // grid y
    {7, 65535},      // grid z
    {8, 48 << 10},   // shared memory of a block
    {9, 64 << 10},   // constant memory
    {10, 32},        // warp size
    {12, 65536},     // registers of a block
    {13, 1000000},   // clock, kHz
    {19, 1},         // can map host memory
    {31, 1},         // concurrent kernels
    {36, 1000000},   // memory clock, kHz
    {37, 256},       // memory bus, bits
    {38, 4 << 20},   // L2 cache
    {39, 2048},      // threads of a multiprocessor
    {40, 2},         // copy engines
    {41, 1},         // unified addressing
    {78, 1},         // stream priorities
    {82, 65536},     // registers of a multiprocessor
    {91, 1},         // host pointers of registered memory are device addresses
    {99, 1},         // host memory can be registered
    {106, 32},       // blocks of a multiprocessor
    {111, 1024},     // shared memory the system keeps of each block
    {115, 1},        // stream-ordered allocation
};

// The table "Technical Specifications per Compute Capability" of the programming guide.
int shared_kib() {
    switch (options().capability) {
        case 80:
        case 87: return 164;
        case 86:
        case 89: return 100;
        default: return 228;
    }
}

int attribute_of(int attribute) {
    switch (attribute) {
        case PROCESSORS: return options().processors;
        case CAPABILITY_MAJOR: return options().capability / 10;
        case CAPABILITY_MINOR: return options().capability % 10;
        case PROCESSOR_SHARED: return shared_kib() << 10;
        case BLOCK_SHARED: return (shared_kib() - 1) << 10;
        default: break;
    }
    auto at = ATTRIBUTES.find(attribute);
    return at == ATTRIBUTES.end() ? 0 : at->second;
}

const std::map<int, const char *> ERRORS = {
    {SUCCESS, "CUDA_SUCCESS"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
    {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
    {UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
    {NOT_READY, "CUDA_ERROR_NOT_READY"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
    {HOST_MEMORY_ALREADY_REGISTERED, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"},
    {HOST_MEMORY_NOT_REGISTERED, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED"},
    {STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
    {STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"},
    {STREAM_CAPTURE_UNMATCHED, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED"},
    {STREAM_CAPTURE_UNJOINED, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"},
    {STREAM_CAPTURE_WRONG_THREAD, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD"},
};

bool initialized = false;

int device(int ordinal) {
    return !initialized ? NOT_INITIALIZED : ordinal ? INVALID_DEVICE : SUCCESS;
}

}  // namespace

API int cuInit(unsigned flags) {
    Lock lock;
    if (flags) {
        return INVALID_VALUE;
    }
    initialized = true;
    return SUCCESS;
}

API int cuDriverGetVersion(int *version) {
    *version = options().driver;
    return SUCCESS;
}

API int cuDeviceGetCount(int *count) {
    *count = 1;
    return device(0);
}

API int cuDeviceGet(int *handle, int ordinal) {
    *handle = 0;
    return device(ordinal);
}

API int cuDeviceGetName(char *name, int bytes, int ordinal) {
    std::snprintf(name, size_t(bytes), "software GPU");
    return device(ordinal);
}

API int cuDeviceGetUuid(void *uuid, int ordinal) {
    std::memset(uuid, 0x5a, 16);
    return device(ordinal);
}

API int cuDeviceGetPCIBusId(char *id, int bytes, int ordinal) {
    std::snprintf(id, size_t(bytes), "0000:00:00.0");
    return device(ordinal);
}

API int cuDeviceTotalMem_v2(size_t *bytes, int ordinal) {
    Lock lock;
    *bytes = options().memory;
    return device(ordinal);
}

API int cuDeviceComputeCapability(int *major, int *minor, int ordinal) {
    *major = options().capability / 10;
    *minor = options().capability % 10;
    return device(ordinal);
}

API int cuDeviceGetAttribute(int *value, int attribute, int ordinal) {
    *value = attribute_of(attribute);
    return device(ordinal);
}

API int cuDevicePrimaryCtxRetain(Context **context, int ordinal) {
    Lock lock;
    *context = primary_context();
    (*context)->retained++;
    return device(ordinal);
}

API int cuDevicePrimaryCtxRelease_v2(int ordinal) {
    Lock lock;
    Context *context = primary_context();
    if (!context->retained) {
        return INVALID_CONTEXT;
    }
    if (--context->retained == 0) {
        reset_context(context);
    }
    return device(ordinal);
}

API int cuDevicePrimaryCtxReset_v2(int ordinal) {
    Lock lock;
    reset_context(primary_context());
    return device(ordinal);
}

API int cuDevicePrimaryCtxGetState(int ordinal, unsigned *flags, int *active) {
    Lock lock;
    *flags = 0;
    *active = primary_context()->retained > 0;
    return device(ordinal);
}

API int cuDevicePrimaryCtxSetFlags_v2(int ordinal, unsigned) { return device(ordinal); }

API int cuCtxCreate_v2(Context **context, unsigned, int ordinal) {
    Lock lock;
    if (int e = device(ordinal)) {
        return e;
    }
    *context = new_context(false);
    push_context(*context);
    return SUCCESS;
}

API int cuCtxDestroy_v2(Context *context) {
    Lock lock;
    if (!context || context->primary) {
        return INVALID_CONTEXT;
    }
    destroy_context(context);
    return SUCCESS;
}

API int cuCtxSetCurrent(Context *context) {
    set_context(context);
    return SUCCESS;
}

API int cuCtxGetCurrent(Context **context) {
    *context = current_context();
    return SUCCESS;
}

API int cuCtxPushCurrent_v2(Context *context) {
    push_context(context);
    return context ? SUCCESS : INVALID_CONTEXT;
}

API int cuCtxPopCurrent_v2(Context **context) {
    Context *popped = pop_context();
    if (context) {
        *context = popped;
    }
    return popped ? SUCCESS : INVALID_CONTEXT;
}

API int cuCtxGetDevice(int *ordinal) {
    *ordinal = 0;
    return current_context() ? SUCCESS : INVALID_CONTEXT;
}

API int cuCtxGetApiVersion(Context *, unsigned *version) {
    *version = 3020;
    return SUCCESS;
}

API int cuCtxSynchronize() {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (int e = forbidden_by_capture()) {
        return e;
    }
    count(Counter::Waits);
    return drain_context(*current_context());
}

API int cuCtxGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return usable();
}

API int cuGetErrorName(int error, const char **name) {
    auto at = ERRORS.find(error);
    *name = at == ERRORS.end() ? "CUDA_ERROR_UNKNOWN" : at->second;
    return at == ERRORS.end() ? INVALID_VALUE : SUCCESS;
}

API int cuGetErrorString(int error, const char **text) { return cuGetErrorName(error, text); }
