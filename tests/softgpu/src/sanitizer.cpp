// What a compiler calls, with -fsanitize=thread, for each access to memory: the same checks as a
// thread sanitizer's would be, for CUDA threads.
#include "worker.h"

namespace softgpu {

namespace {

void check(const void *p, size_t bytes, AccessKind kind) {
    Worker *w = worker;
    if (w && w->current && w->races.active()) {
        w->races.check(*w, p, bytes, kind);
    }
}

template <class T, class F> T change(volatile T *p, F operation) {
    check(const_cast<T *>(p), sizeof(T), AccessKind::Atomic);
    return operation();
}

}  // namespace

#define READ_WRITE(n)                                                                              \
    API void __tsan_read##n(void *p) { check(p, n, AccessKind::Read); }                            \
    API void __tsan_write##n(void *p) { check(p, n, AccessKind::Write); }                          \
    API void __tsan_unaligned_read##n(void *p) { check(p, n, AccessKind::Read); }                  \
    API void __tsan_unaligned_write##n(void *p) { check(p, n, AccessKind::Write); }
READ_WRITE(1)
READ_WRITE(2)
READ_WRITE(4)
READ_WRITE(8)
READ_WRITE(16)

API void __tsan_read_range(void *p, size_t bytes) { check(p, bytes, AccessKind::Read); }
API void __tsan_write_range(void *p, size_t bytes) { check(p, bytes, AccessKind::Write); }
API void __tsan_vptr_update(void **, void *) {}
API void __tsan_vptr_read(void **) {}
API void __tsan_func_entry(void *) {}
API void __tsan_func_exit() {}
API void __tsan_init() {}

#define ATOMIC(bits)                                                                               \
    API uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *p, int) {         \
        return change(p, [=] { return __atomic_load_n(p, __ATOMIC_SEQ_CST); });                    \
    }                                                                                              \
    API int __tsan_atomic##bits##_compare_exchange_strong(                                         \
        volatile uint##bits##_t *p, uint##bits##_t *expected, uint##bits##_t v, int, int) {        \
        return change(p, [=]() -> uint##bits##_t {                                                 \
            return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST,            \
                                               __ATOMIC_SEQ_CST);                                  \
        });                                                                                        \
    }
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

API void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
API void __tsan_atomic_signal_fence(int) {}

}  // namespace softgpu
