// Spreads the blocks of a grid over host threads.
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "worker.h"

namespace softgpu {

namespace {

// Below this many CUDA threads, waking the other host threads costs more than it gains.
constexpr uint64_t SMALL_GRID = 4096;

// Host threads that wait for a job and each run it once.
class Team {
  public:
    explicit Team(unsigned size) : size(size) {
        for (unsigned i = 0; i < size; i++) {
            std::thread([this] { serve(); }).detach();
        }
    }

    // Runs the job on this thread and all of the team.
    void run(const std::function<void()> &work) {
        {
            std::lock_guard lock(mutex);
            job = work;
            busy = size;
            ticket++;
        }
        wake.notify_all();
        work();
        std::unique_lock lock(mutex);
        done.wait(lock, [&] { return busy == 0; });
    }

  private:
    void serve() {
        unblock_faults();
        uint64_t seen = 0;
        for (;;) {
            std::unique_lock lock(mutex);
            wake.wait(lock, [&] { return ticket != seen; });
            seen = ticket;
            std::function<void()> work = job;
            lock.unlock();
            work();
            lock.lock();
            if (--busy == 0) {
                done.notify_one();
            }
        }
    }

    std::mutex mutex;
    std::condition_variable wake, done;
    std::function<void()> job;
    uint64_t ticket = 0;
    unsigned busy = 0, size;
};

Team &team() {
    static Team *team = new Team(options().workers - 1);  // outlives what the process ends with
    return *team;
}

void run_share(Launch &launch) {
    if (!worker) {
        worker = new Worker;
    }
    worker->run_blocks(launch);
}

}  // namespace

int run_grid(Launch &launch) {
    install_fault_handlers();
    const Index3 &grid = launch.gridSize, &block = launch.blockSize;
    launch.blocks = uint64_t(grid.x) * grid.y * grid.z;
    uint64_t threads = launch.blocks * block.x * block.y * block.z;
    unsigned workers = options().sanitized ? 1 : options().workers;
    launch.chunk = std::max<uint64_t>(1, launch.blocks / (workers * 8));
    if (workers == 1 || launch.blocks == 1 || threads < SMALL_GRID) {
        run_share(launch);
    } else {
        team().run([&] { run_share(launch); });
    }
    return launch.error;
}

void parallel(size_t n, const std::function<void(size_t)> &body) {
    std::atomic<size_t> next{0};
    auto share = [&] {
        for (size_t i; (i = next.fetch_add(1)) < n;) {
            body(i);
        }
    };
    if (n > 1 && options().workers > 1) {
        team().run(share);
    } else {
        share();
    }
}

}  // namespace softgpu
