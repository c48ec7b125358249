// Counters, and the functions with which tests steer the device.
#include "counters.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>

#include "stream.h"

namespace softgpu {

namespace {

uint64_t counters[COUNTERS];

std::map<std::string, uint64_t> &launches() {
    static auto *map = new std::map<std::string, uint64_t>;
    return *map;
}

int copy_text(const std::string &text, char *out, int size) {
    std::snprintf(out, size_t(size), "%s", text.c_str());
    return int(text.size());
}

}  // namespace

void count(Counter counter, uint64_t n) { counters[int(counter)] += n; }

void count_launch(const char *kernel, uint64_t threads) {
    count(Counter::Launches);
    count(Counter::Threads, threads);
    launches()[kernel]++;
}

// Copies at most n counters, in the order of Counter; answers how many there are.
API int softgpu_counters(uint64_t *out, int n) {
    Lock lock;
    std::memcpy(out, counters, sizeof(uint64_t) * size_t(std::min(n, COUNTERS)));
    return COUNTERS;
}

// One line for each kernel: its name and how often it ran.
API int softgpu_kernel_counts(char *out, int size) {
    Lock lock;
    std::string text;
    for (const auto &[kernel, times] : launches()) {
        text += kernel;
        text += ' ';
        text += std::to_string(times);
        text += '\n';
    }
    return copy_text(text, out, size);
}

API int softgpu_last_fault(char *out, int size) { return copy_text(last_fault(), out, size); }

// The bytes count as never written, whatever the host has put there: a kernel of a sanitized build that
// reads them makes a mistake.
API int softgpu_unwritten(const void *p, int64_t bytes) {
    Lock lock;
    mark_written(p, size_t(bytes), false);
    return SUCCESS;
}

// Sets an option; INVALID_VALUE if there is none of that name.
API int softgpu_set(const char *option, int64_t value) {
    Lock lock;
    Options &o = options();
    std::string name = option;
    if (name == "defaults") {
        drain_all_contexts();
        default_options();
    } else if (name == "order" && value >= 0 && value <= int(Order::Random)) {
        o.order = Order(value);
    } else if (name == "deferred") {
        drain_all_contexts();
        o.deferred = value;
    } else if (name == "memory") {
        o.memory = size_t(value);
    } else if (name == "sanitized") {
        o.sanitized = value;
    } else if (name == "trace") {
        o.trace = value;
    } else if (name == "capability") {
        o.capability = int(value);
    } else if (name == "driver") {
        o.driver = int(value);
    } else {
        return INVALID_VALUE;
    }
    return SUCCESS;
}

}  // namespace softgpu
