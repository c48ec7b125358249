// Atomic operations: real ones, as the blocks of a grid run on several host threads.
#pragma once

namespace softgpu {

template <size_t BYTES> struct Word;
template <> struct Word<2> { using type = uint16_t; };
template <> struct Word<4> { using type = uint32_t; };
template <> struct Word<8> { using type = uint64_t; };

template <class To, class From> inline To bits_as(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    std::memcpy(static_cast<void *>(&to), &from, sizeof to);
    return to;
}

// Replaces *p by f(*p) and answers what was there.
template <class T, class F> inline T exchange(T *p, F f) {
    using W = typename Word<sizeof(T)>::type;
    W *word = reinterpret_cast<W *>(p);
    W old = __atomic_load_n(word, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(word, &old, bits_as<W>(T(f(bits_as<T>(old)))), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
    }
    return bits_as<T>(old);
}

template <class T> using Same = std::type_identity_t<T>;

}  // namespace softgpu

template <class T> static inline T atomicAdd(T *p, softgpu::Same<T> v) {
    return softgpu::exchange(p, [&](T t) { return t + v; });
}
template <class T> static inline T atomicSub(T *p, softgpu::Same<T> v) {
    return softgpu::exchange(p, [&](T t) { return t - v; });
}
template <class T> static inline T atomicMax(T *p, softgpu::Same<T> v) {
    return softgpu::exchange(p, [&](T t) { return t > v ? t : v; });
}
template <class T> static inline T atomicMin(T *p, softgpu::Same<T> v) {
    return softgpu::exchange(p, [&](T t) { return t < v ? t : v; });
}
template <class T> static inline T atomicOr(T *p, softgpu::Same<T> v) {
    return softgpu::exchange(p, [&](T t) { return t | v; });
}
template <class T> static inline T atomicAnd(T *p, softgpu::Same<T> v) {
    return softgpu::exchange(p, [&](T t) { return t & v; });
}
template <class T> static inline T atomicExch(T *p, softgpu::Same<T> v) {
    return softgpu::exchange(p, [&](T) { return v; });
}
template <class T> static inline T atomicCAS(T *p, softgpu::Same<T> compare, softgpu::Same<T> v) {
    return softgpu::exchange(p, [&](T t) { return t == compare ? v : t; });
}
static inline unsigned atomicInc(unsigned *p, unsigned limit) {
    return softgpu::exchange(p, [&](unsigned t) { return t >= limit ? 0 : t + 1; });
}
