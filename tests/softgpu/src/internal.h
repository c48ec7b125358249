// What the parts of libcuda.so.1 share.
#pragma once
#include <atomic>
#include <csetjmp>
#include <string>

#include "softgpu_runtime.h"

#define API extern "C" __attribute__((visibility("default")))

namespace softgpu {

enum Status : int {
    SUCCESS = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NO_BINARY_FOR_GPU = 209,
    UNSUPPORTED_PTX_VERSION = 222,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_READY = 600,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_OUT_OF_RESOURCES = 701,
    HOST_MEMORY_ALREADY_REGISTERED = 712,
    HOST_MEMORY_NOT_REGISTERED = 713,
    LAUNCH_FAILED = 719,
    NOT_SUPPORTED = 801,
    STREAM_CAPTURE_UNSUPPORTED = 900,
    STREAM_CAPTURE_INVALIDATED = 901,
    STREAM_CAPTURE_UNMATCHED = 903,
    STREAM_CAPTURE_UNJOINED = 904,
    STREAM_CAPTURE_WRONG_THREAD = 908
};

enum class Order { Forward, Reverse, Random };

// Set by the environment (SOFTGPU_ORDER and so on) and softgpu_set.
struct Options {
    unsigned workers;  // host threads that run blocks
    Order order;       // of threads, blocks and independent nodes of graphs
    bool deferred;     // work on streams runs only when something waits for it
    bool trace;        // prints every stream operation
    bool sanitized;    // the kernels that were built with --sanitize, one block after the other
    size_t memory;     // bytes of the device
    int capability;    // compute capability, 90 for 9.0
    int processors;    // multiprocessors
    int driver;        // version, 13000 for 13.0
};
Options &options();
void default_options();  // all as at first, but for `sanitized`

// A random number below `n`.
unsigned random_below(unsigned n);

struct Launch {
    const Kernel *kernel;
    Index3 gridSize, blockSize;
    unsigned dynBytes;
    void *const *arguments;
    bool dependent;  // every thread has to wait itself for what comes before
    std::atomic<int> error{SUCCESS};
    std::atomic<uint64_t> next{0};
    uint64_t blocks = 0, chunk = 1;
};

// Runs a grid and answers SUCCESS, ILLEGAL_ADDRESS or LAUNCH_FAILED.
int run_grid(Launch &);

// The text of the last mistake.
std::string last_fault();

// An area of memory.
struct Range {
    char *begin = nullptr;
    size_t bytes = 0;

    bool contains(const void *p, size_t n) const {
        auto at = static_cast<const char *>(p);
        return at >= begin && at + n <= begin + bytes;
    }
};

// The loaded library of a kernel, and its thread-local data (which hold the __shared__ arrays) for
// this host thread.
struct Library {
    Range image, shared;
};
const Library &library_of(const Kernel &);

}  // namespace softgpu
