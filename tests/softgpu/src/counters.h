// What the device has done, for tests to ask.
#pragma once
#include <cstdint>
#include <string>

namespace softgpu {

enum class Counter {
    Launches,
    Threads,
    GraphLaunches,
    Waits,
    Allocations,
    Frees,
    CopiesIn,
    CopiesOut,
    CopiesWithin,
    BytesIn,
    BytesOut,
    BytesWithin,
    DependentLaunches
};
constexpr int COUNTERS = int(Counter::DependentLaunches) + 1;

void count(Counter, uint64_t n = 1);
void count_launch(const char *kernel, uint64_t threads);

}  // namespace softgpu
