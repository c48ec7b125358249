// The driver API: modules, functions, launches.
#include <cstdio>
#include <cstring>

#include "counters.h"
#include "memory.h"
#include "module.h"

using namespace softgpu;

namespace {

constexpr unsigned SHARED_LIMIT = 227 << 10;

std::set<Module *> &modules() {
    static auto *set = new std::set<Module *>;
    return *set;
}

// The values of a launch's parameters.
struct Arguments {
    std::vector<char> bytes;
    std::vector<void *> pointers;
};

// Of a buffer given as {1, buffer, 2, &size, 0}.
const char *packed_buffer(void **extra, size_t needed) {
    constexpr uintptr_t BUFFER = 1, SIZE = 2;
    const char *buffer = nullptr;
    size_t bytes = 0;
    for (void **e = extra; *e; e += 2) {
        if (reinterpret_cast<uintptr_t>(e[0]) == BUFFER) {
            buffer = static_cast<const char *>(e[1]);
        } else if (reinterpret_cast<uintptr_t>(e[0]) == SIZE) {
            bytes = *static_cast<size_t *>(e[1]);
        }
    }
    return bytes < needed ? nullptr : buffer;
}

// Takes the values over, as a launch may run later; null if there are too few.
std::shared_ptr<Arguments> take_arguments(const Kernel &k, void **parameters, void **extra) {
    constexpr size_t ALIGNMENT = 16;
    auto arguments = std::make_shared<Arguments>();
    std::vector<size_t> offsets(k.parameters);
    size_t end = 0;
    for (unsigned i = 0; i < k.parameters; i++) {
        offsets[i] = (end + k.alignments[i] - 1) / k.alignments[i] * k.alignments[i];
        end = offsets[i] + k.sizes[i];
    }
    const char *packed = extra ? packed_buffer(extra, end) : nullptr;
    if (k.parameters && !parameters && !packed) {
        return nullptr;
    }
    arguments->bytes.resize(end + ALIGNMENT);
    char *base = arguments->bytes.data();
    base += -reinterpret_cast<uintptr_t>(base) % ALIGNMENT;
    for (unsigned i = 0; i < k.parameters; i++) {
        std::memcpy(base + offsets[i], parameters ? parameters[i] : packed + offsets[i], k.sizes[i]);
        arguments->pointers.push_back(base + offsets[i]);
    }
    return arguments;
}

// Whether each argument that is a pointer points to an allocation.
bool are_addresses(const Kernel &k, const Arguments &arguments) {
    for (unsigned i = 0; i < k.parameters; i++) {
        if (!k.pointers[i]) {
            continue;
        }
        void *p;
        std::memcpy(&p, arguments.pointers[i], sizeof p);
        if (p && !find_allocation(p, 1)) {
            report("argument %u, address %p, is in no allocation of the device; kernel %s", i, p, k.name);
            return false;
        }
    }
    return true;
}

int check_shape(const Function &f, Index3 grid, Index3 block, unsigned dynBytes) {
    uint64_t threads = uint64_t(block.x) * block.y * block.z;
    if (!threads || !grid.x || !grid.y || !grid.z || threads > 1024 || block.z > 64 ||
        grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
        report("a grid of %u x %u x %u blocks of %u x %u x %u threads; kernel %s", grid.x, grid.y,
               grid.z, block.x, block.y, block.z, f.kernel.name);
        return INVALID_VALUE;
    }
    if (threads > f.limits.maxThreads) {
        report("blocks of %lu threads, launch bounds allow %u; kernel %s",
               static_cast<unsigned long>(threads), f.limits.maxThreads, f.kernel.name);
        return INVALID_VALUE;
    }
    if (dynBytes > f.dynBytes || dynBytes + f.limits.sharedBytes > SHARED_LIMIT) {
        report("%u bytes of dynamic and %u of static shared memory, the limit is %u; kernel %s",
               dynBytes, f.limits.sharedBytes, f.dynBytes, f.kernel.name);
        return INVALID_VALUE;
    }
    return SUCCESS;
}

// CUlaunchAttribute and CUlaunchConfig of cuda.h.
struct LaunchAttribute {
    int id;
    alignas(8) char value[64];
};

struct LaunchConfig {
    Index3 grid, block;
    unsigned dynBytes;
    void *stream;
    const LaunchAttribute *attributes;
    unsigned attributeCount;
};
static_assert(sizeof(LaunchAttribute) == 72 && sizeof(LaunchConfig) == 56);

// Whether the kernel may begin before what comes before it has ended.
int read_attributes(const LaunchConfig &config, const Function &f, bool *dependent) {
    constexpr int PROGRAMMATIC_STREAM_SERIALIZATION = 6;
    for (unsigned i = 0; i < config.attributeCount; i++) {
        const LaunchAttribute &attribute = config.attributes[i];
        if (attribute.id != PROGRAMMATIC_STREAM_SERIALIZATION) {
            report("launch attribute %d is not emulated; kernel %s", attribute.id, f.kernel.name);
            return NOT_SUPPORTED;
        }
        if (options().capability < 90) {
            report("a dependent launch needs compute capability 9.0; kernel %s", f.kernel.name);
            return NOT_SUPPORTED;
        }
        int allowed;
        std::memcpy(&allowed, attribute.value, sizeof allowed);
        *dependent = allowed != 0;
    }
    if (*dependent && !f.limits.waits) {
        report("a dependent launch of a kernel whose PTX has no griddepcontrol.wait; kernel %s",
               f.kernel.name);
        return INVALID_VALUE;
    }
    return SUCCESS;
}

bool is_function(Function *f) { return f && modules().contains(f->module); }

}  // namespace

API int cuModuleLoadData(Module **out, const char *text) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (int e = forbidden_by_capture()) {
        return e;
    }
    std::unique_ptr<Module> module;
    if (int e = new_module(text, &module)) {
        return e;
    }
    *out = module.release();
    modules().insert(*out);
    return SUCCESS;
}

API int cuModuleLoadDataEx(Module **out, const char *text, unsigned, int *, void **) {
    return cuModuleLoadData(out, text);
}

API int cuModuleUnload(Module *module) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (!modules().erase(module)) {
        return INVALID_HANDLE;
    }
    drain_context(*current_context());
    delete module;
    return SUCCESS;
}

API int cuModuleGetFunction(Function **out, Module *module, const char *name) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (!modules().contains(module)) {
        return INVALID_HANDLE;
    }
    auto at = module->functions.find(name);
    if (at == module->functions.end()) {
        report("the module %s has no kernel %s", module->family.c_str(), name);
        return NOT_FOUND;
    }
    *out = at->second.get();
    return SUCCESS;
}

API int cuFuncGetAttribute(int *value, int attribute, Function *f) {
    Lock lock;
    if (!is_function(f)) {
        return INVALID_HANDLE;
    }
    constexpr int MAX_THREADS = 0, SHARED = 1, REGISTERS = 4, PTX_VERSION = 5, MAX_DYN = 8;
    switch (attribute) {
    case MAX_THREADS: *value = int(f->limits.maxThreads); break;
    case SHARED: *value = int(f->limits.sharedBytes); break;
    case REGISTERS: *value = 64; break;
    case PTX_VERSION: *value = 80; break;
    case MAX_DYN: *value = int(f->dynBytes); break;
    default: *value = 0;
    }
    return usable();
}

API int cuFuncSetAttribute(Function *f, int attribute, int value) {
    Lock lock;
    if (!is_function(f)) {
        return INVALID_HANDLE;
    }
    constexpr int MAX_DYN = 8;
    if (attribute == MAX_DYN) {
        if (value < 0 || unsigned(value) + f->limits.sharedBytes > SHARED_LIMIT) {
            return INVALID_VALUE;
        }
        f->dynBytes = unsigned(value);
    }
    return usable();
}

API int cuFuncSetCacheConfig(Function *f, int) {
    Lock lock;
    return is_function(f) ? usable() : INVALID_HANDLE;
}

API int cuLaunchKernelEx(const LaunchConfig *config, Function *f, void **parameters, void **extra) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (!is_function(f)) {
        return INVALID_HANDLE;
    }
    bool dependent = false;
    if (int e = read_attributes(*config, *f, &dependent)) {
        return e;
    }
    const Index3 grid = config->grid, block = config->block;
    const unsigned dynBytes = config->dynBytes;
    if (int e = check_shape(*f, grid, block, dynBytes)) {
        return e;
    }
    const Kernel kernel = f->kernel;
    std::shared_ptr<Arguments> arguments = take_arguments(kernel, parameters, extra);
    if (!arguments) {
        return INVALID_VALUE;
    }
    return enqueue(config->stream, kernel.name, [=] {
        if (!are_addresses(kernel, *arguments)) {
            return int(ILLEGAL_ADDRESS);
        }
        uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z;
        count_launch(kernel.name, blocks * block.x * block.y * block.z);
        if (dependent) {
            count(Counter::DependentLaunches);
        }
        Launch launch{};
        launch.kernel = &kernel;
        launch.gridSize = grid;
        launch.blockSize = block;
        launch.dynBytes = dynBytes;
        launch.arguments = arguments->pointers.data();
        launch.dependent = dependent;
        return run_grid(launch);
    });
}

API int cuLaunchKernel(Function *f, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                       unsigned blockY, unsigned blockZ, unsigned dynBytes, void *stream,
                       void **parameters, void **extra) {
    const LaunchConfig config{
        {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, dynBytes, stream, nullptr, 0};
    return cuLaunchKernelEx(&config, f, parameters, extra);
}
