// Shared by the emulator's own source files.
#pragma once
#include "softgpu_runtime.h"
#include <atomic>
#include <string>

namespace softgpu {
enum : int {
  CUDA_SUCCESS = 0, CUDA_ERROR_INVALID_VALUE = 1, CUDA_ERROR_OUT_OF_MEMORY = 2, CUDA_ERROR_NOT_INITIALIZED = 3,
  CUDA_ERROR_INVALID_DEVICE = 101, CUDA_ERROR_INVALID_IMAGE = 200, CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_NO_BINARY_FOR_GPU = 209, CUDA_ERROR_UNSUPPORTED_PTX_VERSION = 222, CUDA_ERROR_INVALID_HANDLE = 400,
  CUDA_ERROR_NOT_FOUND = 500, CUDA_ERROR_NOT_READY = 600, CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701, CUDA_ERROR_LAUNCH_FAILED = 719, CUDA_ERROR_NOT_SUPPORTED = 801,
  CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900, CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901,
  CUDA_ERROR_STREAM_CAPTURE_UNMATCHED = 903
};
enum class Order { Forward, Reverse, Random };
struct Options {
  unsigned workers;     // SOFTGPU_WORKERS  host threads (default: processors)
  Order order;          // SOFTGPU_ORDER    forward | reverse | random: order of threads and blocks
  bool deferred;        // SOFTGPU_DEFERRED 1: stream work runs only when something waits for it
  bool poison;          // SOFTGPU_POISON   0: leave new device and shared memory as it is
  bool trace;           // SOFTGPU_TRACE    1: print every stream operation
  size_t memory;        // SOFTGPU_MEMORY   device memory in MiB
  bool sanitized;       // SOFTGPU_SANITIZED 1: the kernels that were built with sanitizers
  int cc;               // SOFTGPU_CC       compute capability, e.g. 90
};
Options& options();
// Keeps the text of a mistake for softgpu_last_fault and prints it.
__attribute__((format(printf, 1, 2))) void report(const char* format, ...);
const char* lastFault();

struct Launch {
  const Kernel* kernel;
  U3 grid, block;
  unsigned shared;
  void* const* args;
  std::atomic<int> error{0};
  std::atomic<uint64_t> next{0};
  uint64_t blocks = 0, chunk = 1;
};
int runGrid(Launch&);
void poisonStaticShared(const Kernel&);
}  // namespace softgpu
