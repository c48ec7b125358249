// Options, and the texts of mistakes.
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "internal.h"

namespace softgpu {

namespace {

long number(const char *name, long otherwise) {
    const char *value = std::getenv(name);
    return value && *value ? std::atol(value) : otherwise;
}

Order order_from_environment() {
    const char *value = std::getenv("SOFTGPU_ORDER");
    std::string order = value ? value : "";
    return order == "reverse" ? Order::Reverse : order == "random" ? Order::Random : Order::Forward;
}

Options from_environment() {
    return {
        .workers = unsigned(
            std::max(1l, number("SOFTGPU_WORKERS", std::thread::hardware_concurrency()))),
        .order = order_from_environment(),
        .deferred = number("SOFTGPU_DEFERRED", 0) != 0,
        .trace = number("SOFTGPU_TRACE", 0) != 0,
        .sanitized = number("SOFTGPU_SANITIZED", 0) != 0,
        .memory = size_t(number("SOFTGPU_MEMORY_MIB", 4096)) << 20,
        .capability = int(number("SOFTGPU_CAPABILITY", 90)),
        .processors = int(number("SOFTGPU_MULTIPROCESSORS", 16)),
        .driver = 13000,
    };
}

char fault[1024];
std::atomic_flag faultBusy = ATOMIC_FLAG_INIT;  // report is called in signal handlers: no mutex

}  // namespace

Options &options() {
    static Options o = from_environment();
    return o;
}

void default_options() {
    bool sanitized = options().sanitized;
    options() = from_environment();
    options().sanitized = sanitized;
}

unsigned random_below(unsigned n) {
    static thread_local uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return unsigned(state >> 33) % n;
}

void report(const char *format, ...) {
    while (faultBusy.test_and_set()) {
    }
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(fault, sizeof fault, format, arguments);
    va_end(arguments);
    char line[sizeof fault + 32];
    int n = std::snprintf(line, sizeof line, "software GPU: %s\n", fault);
    if (write(STDERR_FILENO, line, size_t(n)) < 0) {
        // There is nowhere else to say it.
    }
    faultBusy.clear();
}

std::string last_fault() {
    while (faultBusy.test_and_set()) {
    }
    std::string text = fault;
    faultBusy.clear();
    return text;
}

}  // namespace softgpu
