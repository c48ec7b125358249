// Barriers, fences and the operations of a warp.
#pragma once

static inline void __syncthreads() { softgpu::softgpu_barrier(0, 0, softgpu::Vote::None, 0); }
static inline int __syncthreads_count(int p) {
    return softgpu::softgpu_barrier(0, 0, softgpu::Vote::Count, p != 0);
}
static inline int __syncthreads_and(int p) {
    return softgpu::softgpu_barrier(0, 0, softgpu::Vote::And, p != 0);
}
static inline int __syncthreads_or(int p) {
    return softgpu::softgpu_barrier(0, 0, softgpu::Vote::Or, p != 0);
}
static inline void __threadfence_block() { std::atomic_signal_fence(std::memory_order_seq_cst); }
static inline void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
static inline void __threadfence_system() { std::atomic_thread_fence(std::memory_order_seq_cst); }
static inline unsigned __activemask() { return softgpu::softgpu_active_mask(); }
static inline void __nanosleep(unsigned) { softgpu::softgpu_yield(); }

namespace softgpu {

template <class F> inline void each_lane(uint32_t lanes, F f) {
    for (; lanes; lanes &= lanes - 1) {
        f(__builtin_ctz(lanes));
    }
}

template <class T> struct Shuffle {
    T in, out;
    int source;
};

template <class T> void shuffle(uint32_t lanes, void *const *argument) {
    auto at = [&](int lane) { return static_cast<Shuffle<T> *>(argument[lane]); };
    each_lane(lanes, [&](int lane) {
        int source = at(lane)->source;
        if (lanes >> source & 1) {
            at(lane)->out = at(source)->in;
        } else {  // undefined on the device
            std::memset(static_cast<void *>(&at(lane)->out), 0xff, sizeof(T));
        }
    });
}

template <class T> inline T shuffled(uint32_t mask, T value, int source) {
    static_assert(std::is_trivially_copyable_v<T>);
    Shuffle<T> s{value, value, source};
    softgpu_warp(mask, shuffle<T>, &s);
    return s.out;
}

struct Ballot {
    bool value;
    uint32_t out;
};

inline void ballot(uint32_t lanes, void *const *argument) {
    uint32_t all = 0;
    each_lane(lanes, [&](int lane) {
        all |= uint32_t(static_cast<Ballot *>(argument[lane])->value) << lane;
    });
    each_lane(lanes, [&](int lane) { static_cast<Ballot *>(argument[lane])->out = all; });
}

inline uint32_t ballot_of(uint32_t mask, bool value) {
    Ballot b{value, 0};
    softgpu_warp(mask, ballot, &b);
    return b.out;
}

enum class Reduction { Add, Min, Max, And, Or, Xor };

template <class T, Reduction R> T combine(T a, T b) {
    switch (R) {
    case Reduction::Add: return a + b;
    case Reduction::Min: return a < b ? a : b;
    case Reduction::Max: return a > b ? a : b;
    case Reduction::And: return a & b;
    case Reduction::Or: return a | b;
    case Reduction::Xor: return a ^ b;
    }
}

template <class T, Reduction R> void reduce(uint32_t lanes, void *const *argument) {
    auto at = [&](int lane) -> T & { return *static_cast<T *>(argument[lane]); };
    T all = at(__builtin_ctz(lanes));
    each_lane(lanes & (lanes - 1), [&](int lane) { all = combine<T, R>(all, at(lane)); });
    each_lane(lanes, [&](int lane) { at(lane) = all; });
}

template <class T, Reduction R> inline T reduced(uint32_t mask, T value) {
    softgpu_warp(mask, reduce<T, R>, &value);
    return value;
}

}  // namespace softgpu

static inline void __syncwarp(unsigned mask = 0xffffffffu) {
    softgpu::softgpu_warp(mask, softgpu::softgpu_syncwarp, nullptr);
}
template <class T> static inline T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
    int lane = int(softgpu_cur->lane);
    return softgpu::shuffled(mask, v, (lane & ~(width - 1)) | (source & (width - 1)));
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T v, unsigned d, int width = 32) {
    int lane = int(softgpu_cur->lane), source = lane - int(d);
    return softgpu::shuffled(mask, v, source < (lane & ~(width - 1)) ? lane : source);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T v, unsigned d, int width = 32) {
    int lane = int(softgpu_cur->lane), source = lane + int(d);
    return softgpu::shuffled(mask, v, source > (lane | (width - 1)) ? lane : source);
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T v, int x, int width = 32) {
    int lane = int(softgpu_cur->lane), source = lane ^ x;
    return softgpu::shuffled(mask, v, source > (lane | (width - 1)) ? lane : source);
}
static inline unsigned __ballot_sync(unsigned mask, int p) { return softgpu::ballot_of(mask, p); }
static inline int __any_sync(unsigned mask, int p) { return softgpu::ballot_of(mask, p) != 0; }
static inline int __all_sync(unsigned mask, int p) { return softgpu::ballot_of(mask, !p) == 0; }

#define SOFTGPU_REDUCE(name, T, R)                                 \
    static inline T name(unsigned mask, T v) {                     \
        return softgpu::reduced<T, softgpu::Reduction::R>(mask, v); \
    }
SOFTGPU_REDUCE(__reduce_add_sync, int, Add)
SOFTGPU_REDUCE(__reduce_add_sync, unsigned, Add)
SOFTGPU_REDUCE(__reduce_min_sync, int, Min)
SOFTGPU_REDUCE(__reduce_min_sync, unsigned, Min)
SOFTGPU_REDUCE(__reduce_max_sync, int, Max)
SOFTGPU_REDUCE(__reduce_max_sync, unsigned, Max)
SOFTGPU_REDUCE(__reduce_and_sync, unsigned, And)
SOFTGPU_REDUCE(__reduce_or_sync, unsigned, Or)
SOFTGPU_REDUCE(__reduce_xor_sync, unsigned, Xor)
#undef SOFTGPU_REDUCE
