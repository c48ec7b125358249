// Runs the blocks of a grid on host threads; each CUDA thread is a fiber.
#include "softgpu_int.h"
#include <atomic>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <csetjmp>
#include <csignal>
#include <mutex>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>
#if !defined(__x86_64__) || defined(SOFTGPU_UCONTEXT)
#define USE_UCONTEXT 1
#include <ucontext.h>
#endif

namespace softgpu {

thread_local ThreadState* softgpu_cur = nullptr;

namespace { char fault[1024]; }
const char* lastFault() { return fault; }
void report(const char* format, ...) {
  va_list a;
  va_start(a, format);
  std::vsnprintf(fault, sizeof fault, format, a);
  va_end(a);
  if (size_t n = std::strlen(fault); n && fault[n - 1] == '\n') fault[n - 1] = 0;
  if (write(2, "software GPU: ", 14) < 0 || write(2, fault, std::strlen(fault)) < 0 || write(2, "\n", 1) < 0) {}
}

namespace {

constexpr size_t kStack = 128 << 10;

struct Fiber {
#ifdef USE_UCONTEXT
  ucontext_t uc;
#else
  void* sp;
#endif
  char* base;
};

enum State : uint8_t { New, Runnable, AtBarrier, InWarp, Done };

struct Warp;
struct Thread : ThreadState {
  Warp* warp;
  Fiber* fiber;
  State state;
  uint8_t bar;
  uint32_t mask;
};

struct Warp {
  Thread* first;
  uint32_t alive, ready, later;
  uint32_t pending;                 // lowest lanes of the collectives below that wait
  void* arg[32];
  uint32_t mask[32], arrived[32];   // one pending collective per lowest lane of its mask
  WarpFn fn[32];
};

struct Bar { unsigned arrived, count; int op, acc, result; };

struct Worker {
  std::vector<Thread> thread;
  std::vector<Warp> warp;
  std::vector<Fiber*> pool, all;
  Fiber sched{};
  Thread* cur = nullptr;
  Bar bar[16];
  unsigned alive = 0;
  BlockState block{};
  std::vector<char> dyn;
  Launch* job = nullptr;
  Order order{};
  sigjmp_buf env;
  char altstack[64 << 10];
  uint64_t rng = 88172645463325252ull;
  U3 shape{0, 0, 0};
};

thread_local Worker* tw __attribute__((tls_model("initial-exec"))) = nullptr;

#ifdef USE_UCONTEXT
inline void jump(Fiber* from, Fiber* to) { swapcontext(&from->uc, &to->uc); }
#else
extern "C" void softgpu_switch(void** save, void* to);
asm(R"(
.text
.globl softgpu_switch
.type softgpu_switch,@function
softgpu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size softgpu_switch, .-softgpu_switch
)");
inline void jump(Fiber* from, Fiber* to) { softgpu_switch(&from->sp, to->sp); }
#endif

void fiberMain();

void reset(Fiber* f) {
#ifdef USE_UCONTEXT
  getcontext(&f->uc);
  f->uc.uc_stack.ss_sp = f->base; f->uc.uc_stack.ss_size = kStack; f->uc.uc_link = nullptr;
  makecontext(&f->uc, fiberMain, 0);
#else
  auto top = reinterpret_cast<void**>(f->base + kStack);
  *--top = nullptr;                                   // alignment: entry sees rsp % 16 == 8
  *--top = reinterpret_cast<void*>(fiberMain);
  for (int i = 0; i < 6; i++) *--top = nullptr;
  f->sp = top;
#endif
}

Fiber* take(Worker& w) {
  if (w.pool.empty()) {
    constexpr int n = 32;
    size_t one = kStack + 4096;
    auto m = static_cast<char*>(mmap(nullptr, n * one, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    if (m == MAP_FAILED) { std::perror("softgpu: fiber stacks"); std::abort(); }
    for (int i = n - 1; i >= 0; i--) {
      mprotect(m + i * one, 4096, PROT_NONE);         // overflow faults instead of corrupting
      auto f = new Fiber{};
      f->base = m + i * one + 4096;
      reset(f);
      w.all.push_back(f); w.pool.push_back(f);
    }
  }
  auto f = w.pool.back(); w.pool.pop_back();
  return f;
}

int pick(Worker& w, uint32_t m) {
  if (w.order == Order::Reverse) return 31 - __builtin_clz(m);
  w.rng ^= w.rng << 13; w.rng ^= w.rng >> 7; w.rng ^= w.rng << 17;
  for (unsigned k = unsigned(w.rng >> 33) % unsigned(__builtin_popcount(m)); k; k--) m &= m - 1;
  return __builtin_ctz(m);
}

inline Thread* nextInWarp(Worker& w, Warp& wp) {
  if (!wp.ready) return nullptr;
  int l = w.order == Order::Forward ? __builtin_ctz(wp.ready) : pick(w, wp.ready);
  wp.ready &= ~(1u << l);
  return wp.first + l;
}

inline void enter(Worker& w, Thread* t) { w.cur = t; softgpu_cur = t; t->state = Runnable; }

void release(Worker& w, int id) {
  Bar& b = w.bar[id];
  b.result = b.acc; b.arrived = 0;
  for (auto& t : w.thread)
    if (t.state == AtBarrier && t.bar == id) { t.state = Runnable; t.warp->ready |= 1u << t.lane; }
}

// Gives the processor to another fiber until somebody makes the current thread runnable again.
void suspend(Worker& w) {
  Thread* me = w.cur;
  Thread* n = nextInWarp(w, *me->warp);
  if (n) {
    if (!n->fiber) n->fiber = take(w);
    enter(w, n);
    jump(me->fiber, n->fiber);
  } else {
    jump(me->fiber, &w.sched);
  }
}

void fireWarp(Warp& wp, int g) {
  uint32_t m = wp.arrived[g];
  wp.arrived[g] = 0;
  wp.pending &= ~(1u << g);
  wp.fn[g](m, wp.arg);
}

void threadDone(Worker& w) {
  Thread* t = w.cur;
  t->state = Done;
  Warp& wp = *t->warp;
  wp.alive &= ~(1u << t->lane);
  w.alive--;
  for (uint32_t p = wp.pending; p; p &= p - 1) {      // collectives that only waited for this lane
    int g = __builtin_ctz(p);
    if (uint32_t m = wp.arrived[g]; m == (wp.mask[g] & wp.alive)) { fireWarp(wp, g); wp.ready |= m; }
  }
  Bar& b = w.bar[0];
  if (b.arrived && b.count == 0 && b.arrived == w.alive) release(w, 0);
}

void fiberMain() {
  Worker& w = *tw;
  for (;;) {
    Fiber* me = w.cur->fiber;
    w.job->kernel->invoke(w.job->args);
    threadDone(w);
    Thread* n = nextInWarp(w, *w.cur->warp);
    if (n && !n->fiber) { n->fiber = me; enter(w, n); continue; }
    w.pool.push_back(me);
    if (n) { enter(w, n); jump(me, n->fiber); } else { jump(me, &w.sched); }
  }
}

void deadlock(Worker& w) {
  std::string s = "deadlock: no thread of the block can go on;";
  int shown = 0;
  for (auto& t : w.thread) {
    if (t.state == Done || shown++ >= 4) continue;
    char b[128];
    if (t.state == AtBarrier) std::snprintf(b, sizeof b, " thread (%u,%u,%u) at barrier %d,", t.tid.x, t.tid.y, t.tid.z, t.bar);
    else std::snprintf(b, sizeof b, " thread (%u,%u,%u) in a warp operation with mask %08x,", t.tid.x, t.tid.y, t.tid.z, t.mask);
    s += b;
  }
  s += " " + std::to_string(w.alive) + " of " + std::to_string(w.thread.size()) + " threads alive";
  fail(s.c_str());
}

void runBlock(Worker& w, uint64_t n) {
  Launch& L = *w.job;
  w.block.bid = {unsigned(n % L.grid.x), unsigned(n / L.grid.x % L.grid.y), unsigned(n / L.grid.x / L.grid.y)};
  w.block.bdim = L.block; w.block.gdim = L.grid;
  unsigned T = L.block.x * L.block.y * L.block.z;
  if (w.shape.x != L.block.x || w.shape.y != L.block.y || w.shape.z != L.block.z) {
    w.shape = L.block;
    w.thread.assign(T, Thread{});
    w.warp.assign((T + 31) / 32, Warp{});
    for (unsigned i = 0; i < T; i++) {
      w.thread[i].warp = &w.warp[i / 32];
      if (i % 32 == 0) w.warp[i / 32].first = &w.thread[i];
      w.thread[i].tid = {i % L.block.x, i / L.block.x % L.block.y, i / L.block.x / L.block.y};
      w.thread[i].lane = i % 32;
      w.thread[i].block = &w.block;
    }
  }
  for (auto& t : w.thread) { t.fiber = nullptr; t.state = New; t.copies.list.clear(); t.copies.group = 0; }
  for (size_t i = 0; i < w.warp.size(); i++) {
    unsigned left = T - unsigned(i) * 32;
    Warp& wp = w.warp[i];
    wp.alive = wp.ready = left >= 32 ? ~0u : (1u << left) - 1;
    wp.later = wp.pending = 0;
    std::memset(wp.arrived, 0, sizeof wp.arrived);
  }
  std::memset(w.bar, 0, sizeof w.bar);
  w.alive = T;
  if (w.dyn.size() < L.shared + 1024u) w.dyn.resize(L.shared + 1024u);
  auto d = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(w.dyn.data()) + 1023) & ~uintptr_t(1023));
  if (options().poison) { std::memset(d, 0xff, L.shared); poisonStaticShared(*L.kernel); }
  w.block.dyn = d; w.block.dynBytes = L.shared;
  bool rev = options().order == Order::Reverse;
  while (w.alive) {
    bool moved = false;
    for (size_t k = 0; k < w.warp.size(); k++) {
      size_t i = rev ? w.warp.size() - 1 - k : k;
      while (Thread* t = nextInWarp(w, w.warp[i])) {
        if (!t->fiber) t->fiber = take(w);
        enter(w, t);
        moved = true;
        jump(&w.sched, t->fiber);
      }
    }
    for (auto& wp : w.warp) if (wp.later) { wp.ready |= wp.later; wp.later = 0; moved = true; }
    if (!moved) deadlock(w);
    if (L.error.load(std::memory_order_relaxed)) break;
  }
}

const int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction oldAction[NSIG];
std::atomic<bool> handlers{false};

void onFault(int sig, siginfo_t* si, void* uc) {
  Worker* w = tw;
  if (w && w->cur && w->job) {
    Launch& L = *w->job;
    auto& t = *w->cur; auto& b = w->block.bid;
    report("%s %p in kernel %s, block (%u,%u,%u) thread (%u,%u,%u)\n",
           sig == SIGFPE ? "integer division by zero at" : sig == SIGILL ? "trap at" : si->si_code == SI_KERNEL ? "misaligned or non-canonical address" : "illegal address", si->si_addr, L.kernel->name, b.x, b.y, b.z, t.tid.x, t.tid.y, t.tid.z);
    L.error = CUDA_ERROR_ILLEGAL_ADDRESS;
    sigset_t s; sigemptyset(&s); sigaddset(&s, sig);
    pthread_sigmask(SIG_UNBLOCK, &s, nullptr);
    siglongjmp(w->env, 1);
  }
  auto& o = oldAction[sig];                           // not ours: the virtual machine's own handler
  if (o.sa_flags & SA_SIGINFO) o.sa_sigaction(sig, si, uc);
  else if (o.sa_handler == SIG_DFL) { signal(sig, SIG_DFL); }
  else if (o.sa_handler != SIG_IGN) o.sa_handler(sig);
}

// One worker's share of a launch.
void work(Launch& L) {
  if (!tw) tw = new Worker;                           // on the heap: this library's thread-local data must stay small
  Worker& w = *tw;
  w.job = &L;
  w.order = options().order;
  stack_t alt{}, before{};
  alt.ss_sp = w.altstack; alt.ss_size = sizeof w.altstack;
  sigaltstack(&alt, &before);
  if (sigsetjmp(w.env, 0) == 0) {
    bool rev = options().order == Order::Reverse;
    for (;;) {
      uint64_t b = L.next.fetch_add(L.chunk, std::memory_order_relaxed);
      if (b >= L.blocks || L.error.load(std::memory_order_relaxed)) break;
      uint64_t e = std::min<uint64_t>(L.blocks, b + L.chunk);
      for (; b < e; b++) runBlock(w, rev ? L.blocks - 1 - b : b);
    }
  }
  if (L.error) {                                      // fibers may have stopped half-way
    w.pool = w.all;
    for (auto f : w.all) reset(f);
    w.shape = {0, 0, 0};
  }
  w.cur = nullptr; w.job = nullptr; softgpu_cur = nullptr;
  sigaltstack(&before, nullptr);
}

// Helper host threads: wait for a job, run their share, report.
struct Pool {
  std::mutex m;
  std::condition_variable cv, done;
  std::function<void()> job;
  uint64_t ticket = 0;
  unsigned busy = 0, size = 0;
  explicit Pool(unsigned n) : size(n) {
    for (unsigned i = 0; i < n; i++) std::thread([this] {
      sigset_t s; sigfillset(&s); for (int f : kFaults) sigdelset(&s, f);
      pthread_sigmask(SIG_BLOCK, &s, nullptr);
      uint64_t seen = 0;
      for (;;) {
        std::unique_lock l(m);
        cv.wait(l, [&] { return ticket != seen; });
        seen = ticket;
        auto f = job;
        l.unlock();
        f();
        l.lock();
        if (--busy == 0) done.notify_one();
      }
    }).detach();
  }
  void run(const std::function<void()>& f) {
    if (size) { std::lock_guard l(m); job = f; busy = size; ticket++; cv.notify_all(); }
    f();
    if (size) { std::unique_lock l(m); done.wait(l, [&] { return busy == 0; }); }
  }
};
Pool& pool() { static Pool* p = new Pool(options().workers - 1); return *p; }

}  // namespace

void fail(const char* what) {
  Worker* w = tw;
  auto& t = *w->cur; auto& b = w->block.bid;
  report("%s in kernel %s, block (%u,%u,%u) thread (%u,%u,%u)\n", what, w->job->kernel->name, b.x, b.y, b.z, t.tid.x, t.tid.y, t.tid.z);
  w->job->error = CUDA_ERROR_LAUNCH_FAILED;
  siglongjmp(w->env, 1);
}

extern "C" void softgpu_warp(uint32_t mask, WarpFn fn, void* arg) {
  Worker& w = *tw;
  Thread* t = w.cur;
  Warp& wp = *t->warp;
  uint32_t bit = 1u << t->lane;
  if (!(mask & bit)) fail("a lane calls a warp operation whose mask does not name it");
  int g = __builtin_ctz(mask);
  if (!wp.arrived[g]) { wp.mask[g] = mask; wp.fn[g] = fn; wp.pending |= 1u << g; }
  else if (wp.mask[g] != mask || wp.fn[g] != fn) fail("lanes of one warp operation differ in mask or operation");
  wp.arrived[g] |= bit;
  wp.arg[t->lane] = arg;
  if (wp.arrived[g] == (mask & wp.alive)) {
    uint32_t others = wp.arrived[g] & ~bit;
    fireWarp(wp, g);
    wp.ready |= others;
    return;
  }
  t->state = InWarp; t->mask = mask;
  suspend(w);
}

extern "C" uint32_t softgpu_active_mask() { return tw->cur->warp->alive; }

extern "C" int softgpu_barrier(int id, unsigned count, int op, int value) {
  Worker& w = *tw;
  Thread* t = w.cur;
  Bar& b = w.bar[id];
  if (!b.arrived) { b.count = count; b.op = op; b.acc = op == 2 ? 1 : 0; }
  if (op == 1) b.acc += value; else if (op == 2) b.acc &= value; else if (op == 3) b.acc |= value;
  b.arrived++;
  if (b.arrived == (count ? count : w.alive)) { release(w, id); return b.result; }
  t->state = AtBarrier; t->bar = uint8_t(id);
  suspend(w);
  return b.result;
}

extern "C" void softgpu_yield() {
  Worker& w = *tw;
  Thread* t = w.cur;
  t->warp->later |= 1u << t->lane;
  suspend(w);
}

int runGrid(Launch& L) {
  if (!handlers.exchange(true)) {
    struct sigaction a{};
    a.sa_sigaction = onFault; a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    for (int s : kFaults) sigaction(s, &a, &oldAction[s]);
  }
  L.blocks = uint64_t(L.grid.x) * L.grid.y * L.grid.z;
  uint64_t threads = L.blocks * L.block.x * L.block.y * L.block.z;
  unsigned n = options().workers;
  L.chunk = std::max<uint64_t>(1, L.blocks / (n * 8));
  if (n == 1 || L.blocks == 1 || threads < 4096) work(L);
  else pool().run([&L] { work(L); });
  return L.error;
}

void parallel(size_t n, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  auto f = [&] { for (size_t i; (i = next.fetch_add(1)) < n;) body(i); };
  if (n > 1 && options().workers > 1) pool().run(f); else f();
}

}  // namespace softgpu
