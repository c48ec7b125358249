// The CUDA driver API of the emulator: memory, streams, events, graphs, modules, launches.
#include "softgpu_int.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <dlfcn.h>
#include <filesystem>
#include <link.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sys/mman.h>
#include <thread>
#include <unordered_map>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

namespace softgpu {

namespace {
const char* env(const char* n, const char* d) { const char* v = getenv(n); return v && *v ? v : d; }
}

Options& options() {
  static Options o = [] {
    Options r{};
    r.workers = unsigned(std::max(1, atoi(env("SOFTGPU_WORKERS", std::to_string(std::max(1u, std::thread::hardware_concurrency())).c_str()))));
    std::string s = env("SOFTGPU_ORDER", "forward");
    r.order = s == "reverse" ? Order::Reverse : s == "random" ? Order::Random : Order::Forward;
    r.deferred = atoi(env("SOFTGPU_DEFERRED", "0"));
    r.poison = atoi(env("SOFTGPU_POISON", "1"));
    r.trace = atoi(env("SOFTGPU_TRACE", "0"));
    r.memory = size_t(atoll(env("SOFTGPU_MEMORY", "4096"))) << 20;
    r.sanitized = atoi(env("SOFTGPU_SANITIZED", "0"));
    r.cc = atoi(env("SOFTGPU_CC", "90"));
    return r;
  }();
  return o;
}

namespace {

// ---- kernels and modules ----------------------------------------------------------------------
struct Global { void* address; size_t bytes; };
std::unordered_map<std::string, Kernel>& kernels() { static auto* m = new std::unordered_map<std::string, Kernel>; return *m; }
std::unordered_map<std::string, Global>& globals() { static auto* m = new std::unordered_map<std::string, Global>; return *m; }

struct Module;
struct Function {
  const Kernel* k;
  Module* m;
  unsigned staticShared = 0, maxThreads = 1024, dynLimit = 48 << 10;
};
struct Module {
  bool text = false;
  std::string ptx;
  std::map<std::string, std::unique_ptr<Function>> fn;
};

// Loads the host-compiled kernels: every library in the folder `kernels` beside this library.
void loadKernels() {
  static bool once = [] {
    Dl_info i;
    dladdr(reinterpret_cast<void*>(loadKernels), &i);
    std::string p = i.dli_fname;
    std::filesystem::path folder = p.substr(0, p.rfind('/') + 1) + (options().sanitized ? "kernels-sanitized" : "kernels");
    std::error_code none;
    for (auto& f : std::filesystem::directory_iterator(folder, none))
      if (f.path().extension() == ".so" && !dlopen(f.path().c_str(), RTLD_NOW | RTLD_LOCAL)) std::fprintf(stderr, "softgpu: %s\n", dlerror());
    return true;
  }();
  (void)once;
}

size_t number(const std::string& s, size_t at) { return strtoull(s.c_str() + at, nullptr, 10); }
unsigned typeBytes(const std::string& t) {
  return t == "b8" || t == "u8" || t == "s8" ? 1 : t == "b16" || t == "u16" || t == "s16" || t == "f16" ? 2
       : t == "b64" || t == "u64" || t == "s64" || t == "f64" ? 8 : 4;
}

// Checks the PTX entry against the host build: the same parameter sizes; takes over .maxntid and static shared memory.
int describe(Module& m, const std::string& name, Function& f) {
  const std::string& p = m.ptx;
  size_t at = 0;
  for (;;) {
    at = p.find(".entry ", at);
    if (at == std::string::npos) return CUDA_ERROR_NOT_FOUND;
    at += 7;
    if (p.compare(at, name.size(), name) == 0 && (p[at + name.size()] == '(' || isspace(p[at + name.size()]))) break;
  }
  size_t open = p.find('(', at), brace = p.find('{', at);
  std::vector<uint32_t> size;
  size_t bodyAt = brace;
  if (open < brace) {
    size_t close = p.find(')', open);
    for (size_t q = open; (q = p.find(".param", q)) != std::string::npos && q < close;) {
      size_t end = std::min(p.find(',', q), close);
      std::string d = p.substr(q, end - q);
      size_t ty = d.rfind(" .") + 2;
      unsigned n = typeBytes(d.substr(ty, d.find(' ', ty) - ty));
      size_t br = d.find('[');
      size.push_back(br == std::string::npos ? n : n * unsigned(number(d, br + 1)));
      q = end;
    }
    std::string head = p.substr(close, brace - close);
    for (const char* key : {".maxntid", ".reqntid"}) {
      size_t q = head.find(key);
      if (q == std::string::npos) continue;
      unsigned n = 1;
      for (size_t i = q + 8; i < head.size() && head[i] != '.' && head[i] != '{';) {
        if (isdigit(head[i])) { n *= unsigned(number(head, i)); while (isdigit(head[i])) i++; }
        else if (head[i] == '\n') break;
        else i++;
      }
      f.maxThreads = n;
    }
  }
  if (size.size() != f.k->nparams || !std::equal(size.begin(), size.end(), f.k->size)) {
    report("kernel %s: parameters of the module's PTX and of the host build differ\n", name.c_str());
    return CUDA_ERROR_INVALID_IMAGE;
  }
  int depth = 0;
  size_t e = bodyAt;
  do { if (p[e] == '{') depth++; else if (p[e] == '}') depth--; e++; } while (depth && e < p.size());
  std::string body = p.substr(bodyAt, e - bodyAt);
  for (size_t q = 0; (q = p.find(".shared .align", q)) != std::string::npos; q++) {
    size_t semi = p.find(';', q), br = p.find('[', q);
    if (br > semi || p[br + 1] == ']') continue;
    size_t ns = p.rfind(' ', br) + 1;
    std::string var = p.substr(ns, br - ns);
    if (body.find(var) != std::string::npos) {
      size_t dot = p.rfind(" .", br);
      f.staticShared += unsigned(number(p, br + 1)) * typeBytes(p.substr(dot + 2, ns - dot - 3));
    }
  }
  return CUDA_SUCCESS;
}

enum Counter { Launches, Threads, GraphLaunches, Syncs, Allocs, Frees, CopiesIn, CopiesOut, CopiesWithin, BytesIn, BytesOut, BytesWithin, NCounters };
std::map<std::string, uint64_t> launched;
uint64_t counter[NCounters];


// ---- memory -----------------------------------------------------------------------------------
struct Block { size_t bytes; char* map; size_t mapBytes; bool host; };
std::map<uintptr_t, Block>& blocks() { static auto* m = new std::map<uintptr_t, Block>; return *m; }
size_t used = 0;
std::recursive_mutex& big() { static auto* m = new std::recursive_mutex; return *m; }
using Guard = std::lock_guard<std::recursive_mutex>;

const Block* find(const void* p, size_t n, uintptr_t* base = nullptr) {
  auto a = reinterpret_cast<uintptr_t>(p);
  auto i = blocks().upper_bound(a);
  if (i == blocks().begin()) return nullptr;
  --i;
  if (a + n > i->first + i->second.bytes) return nullptr;
  if (base) *base = i->first;
  return &i->second;
}

// Every allocation ends at an unmapped page, so that a kernel that runs over its end faults.
int allocate(uintptr_t* out, size_t bytes, bool host) {
  if (!bytes) return CUDA_ERROR_INVALID_VALUE;
  if (!host && used + bytes > options().memory) return CUDA_ERROR_OUT_OF_MEMORY;
  size_t r = (bytes + 255) & ~size_t(255), n = ((r + 4095) & ~size_t(4095)) + 8192;
  auto m = static_cast<char*>(mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (m == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
  mprotect(m, 4096, PROT_NONE);
  mprotect(m + n - 4096, 4096, PROT_NONE);
  char* p = m + n - 4096 - r;
  if (!host) { used += bytes; if (options().poison) std::memset(p, 0xff, r); }
  *out = reinterpret_cast<uintptr_t>(p);
  blocks()[*out] = {bytes, m, n, host};
  return CUDA_SUCCESS;
}
int release(uintptr_t p) {
  auto i = blocks().find(p);
  if (i == blocks().end()) return CUDA_ERROR_INVALID_VALUE;
  if (!i->second.host) { used -= i->second.bytes; counter[Frees]++; }
  if (i->second.map) munmap(i->second.map, i->second.mapBytes);
  blocks().erase(i);
  return CUDA_SUCCESS;
}

// ---- streams ----------------------------------------------------------------------------------
struct Op { std::string what; std::function<int()> run; };
struct Graph { std::vector<Op> ops; bool broken = false; };
struct Stream {
  std::deque<Op> q;
  uint64_t issued = 0, done = 0;
  bool blocking = true;
  std::shared_ptr<Graph> cap;
  bool origin = false;
  uint64_t id;
};
struct Event { Stream* s = nullptr; uint64_t seq = 0; double time = 0; bool set = false; std::shared_ptr<Graph> cap; };
Stream& null() { static auto* s = new Stream; return *s; }
std::set<Stream*>& streams() { static auto* s = new std::set<Stream*>{&null()}; return *s; }
int sticky = 0;
int captures = 0;

Stream* stream(void* h) { auto a = reinterpret_cast<uintptr_t>(h); return a <= 2 ? &null() : static_cast<Stream*>(h); }
double now() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int step(Stream& s) {
  Op op = std::move(s.q.front());
  s.q.pop_front();
  int r = sticky ? sticky : op.run();
  s.done++;
  if (r && !sticky) sticky = r;
  return r;
}
int drain(Stream& s, uint64_t upTo = ~0ull) {
  int r = sticky;
  while (!s.q.empty() && s.done < upTo) r = step(s);
  return r;
}
int drainAll() { int r = sticky; for (auto s : streams()) r = drain(*s); return r ? r : sticky; }

int put(Stream& s, std::string what, std::function<int()> f) {
  if (sticky) return sticky;
  if (s.cap) { s.cap->ops.push_back({std::move(what), std::move(f)}); return CUDA_SUCCESS; }
  if (options().trace) std::fprintf(stderr, "softgpu: stream %p %s\n", static_cast<void*>(&s), what.c_str());
  if (&s == &null()) { for (auto o : streams()) if (o != &s && o->blocking) drain(*o); }
  else if (s.blocking) drain(null());
  s.q.push_back({std::move(what), std::move(f)});
  s.issued++;
  return options().deferred ? CUDA_SUCCESS : drain(s);
}

// Calls that wait, or that the driver does not allow while a stream is capturing.
int unsafeInCapture() {
  if (!captures) return CUDA_SUCCESS;
  for (auto s : streams()) if (s->cap) s->cap->broken = true;
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

int copyNow(void* d, const void* s, size_t n) { std::memmove(d, s, n); return CUDA_SUCCESS; }

int copy(Stream* st, void* d, const void* s, size_t n, bool dDev, bool sDev) {
  Guard g(big());
  if ((dDev && n && !find(d, n)) || (sDev && n && !find(s, n))) return CUDA_ERROR_INVALID_VALUE;
  int way = dDev && sDev ? 2 : sDev ? 1 : 0;
  counter[CopiesIn + way]++;
  counter[BytesIn + way] += n;
  bool sync = !st;
  if (sync) { if (int e = unsafeInCapture()) return e; st = &null(); counter[Syncs]++; }
  std::function<int()> f;
  if (!sDev && !sync && !find(s, n) && !st->cap) {     // pageable source: the driver stages it before it returns
    auto stage = std::make_shared<std::vector<char>>(static_cast<const char*>(s), static_cast<const char*>(s) + n);
    f = [=] { return copyNow(d, stage->data(), n); };
  } else f = [=] { return copyNow(d, s, n); };
  bool wait = sync || (!dDev && !find(d, n) && !st->cap);   // pageable destination: the call is synchronous
  int r = put(*st, "copy " + std::to_string(n), std::move(f));
  return r || !wait ? r : drain(*st);
}

template <class T> int fill(Stream* st, uintptr_t d, T v, size_t n) {
  Guard g(big());
  if (n && !find(reinterpret_cast<void*>(d), n * sizeof(T))) return CUDA_ERROR_INVALID_VALUE;
  return put(st ? *st : null(), "memset", [=] { std::fill_n(reinterpret_cast<T*>(d), n, v); return 0; });
}

struct Args {
  std::vector<char> buf;
  std::vector<void*> p;
};

int launch(Function* f, U3 g, U3 b, unsigned shared, void* sh, void** params, void** extra) {
  Guard lock(big());
  if (sticky) return sticky;
  if (!f) return CUDA_ERROR_INVALID_HANDLE;
  uint64_t T = uint64_t(b.x) * b.y * b.z;
  if (!T || !g.x || !g.y || !g.z || T > 1024 || b.z > 64 || g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535) return CUDA_ERROR_INVALID_VALUE;
  if (T > f->maxThreads) return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  if (shared > f->dynLimit || shared + f->staticShared > 227u << 10) return CUDA_ERROR_INVALID_VALUE;
  const Kernel& k = *f->k;
  auto a = std::make_shared<Args>();
  a->p.resize(k.nparams + 1);
  size_t at = 0;
  std::vector<size_t> off(k.nparams);
  for (unsigned i = 0; i < k.nparams; i++) { at = (at + k.align[i] - 1) / k.align[i] * k.align[i]; off[i] = at; at += k.size[i]; }
  a->buf.resize(at + 16);
  char* base = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(a->buf.data()) + 15) & ~uintptr_t(15));
  if (params) for (unsigned i = 0; i < k.nparams; i++) std::memcpy(base + off[i], params[i], k.size[i]);
  else if (extra) {                                    // one packed buffer: {1, buffer, 2, &size, 0}
    void* buf = nullptr; size_t n = 0;
    for (void** e = extra; *e; e += 2) {
      if (reinterpret_cast<uintptr_t>(e[0]) == 1) buf = e[1];
      if (reinterpret_cast<uintptr_t>(e[0]) == 2) n = *static_cast<size_t*>(e[1]);
    }
    if (!buf || n < at) return CUDA_ERROR_INVALID_VALUE;
    std::memcpy(base, buf, at);
  } else if (k.nparams) return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < k.nparams; i++) {
    a->p[i] = base + off[i];
    if (k.pointer[i]) {
      void* v; std::memcpy(&v, base + off[i], sizeof v);
      if (v && !find(v, 1)) {
        report("kernel %s: argument %u (%p) points to no device allocation\n", k.name, i, v);
        return sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
      }
    }
  }
  return put(*stream(sh), options().trace ? std::string("kernel ") + k.name : std::string(), [=, &k] {
    counter[Launches]++;
    counter[Threads] += T * g.x * g.y * g.z;
    launched[k.name]++;
    Launch L{};
    L.kernel = &k; L.grid = g; L.block = b; L.shared = shared; L.args = a->p.data();
    return runGrid(L);
  });
}

struct Context { int dummy; } theContext;
thread_local std::vector<void*> contexts;
int dead() { return sticky; }

}  // namespace

void addKernel(const Kernel& k) { kernels()[k.name] = k; }
void addGlobal(const char* n, void* a, size_t b) { globals()[n] = {a, b}; }
bool isDevice(const void* p, size_t n) { Guard g(big()); return find(p, n) != nullptr; }
int enqueue(void* s, const char* what, std::function<void()> f) {
  Guard g(big());
  return put(*stream(s), what, [f = std::move(f)] { f(); return 0; });
}

// __shared__ arrays are thread-local data of the kernel library: fill that library's block for this host thread.
void poisonStaticShared(const Kernel& k) {
  struct Seg { void* fn; void* at; size_t n; };
  static thread_local std::vector<Seg> cache;
  void* fn = reinterpret_cast<void*>(k.invoke);
  for (auto& c : cache) if (c.fn == fn) { std::memset(c.at, 0xff, c.n); return; }
  Seg s{fn, nullptr, 0};
  dl_iterate_phdr([](dl_phdr_info* i, size_t, void* v) {
    auto s = static_cast<Seg*>(v);
    bool mine = false;
    for (int k = 0; k < i->dlpi_phnum; k++) {
      auto& h = i->dlpi_phdr[k];
      auto lo = i->dlpi_addr + h.p_vaddr;
      if (h.p_type == PT_LOAD && reinterpret_cast<uintptr_t>(s->fn) - lo < h.p_memsz) mine = true;
    }
    if (mine) for (int k = 0; k < i->dlpi_phnum; k++)
      if (i->dlpi_phdr[k].p_type == PT_TLS && i->dlpi_tls_data) { s->at = i->dlpi_tls_data; s->n = i->dlpi_phdr[k].p_memsz; }
    return int(mine);
  }, &s);
  if (s.at) { std::memset(s.at, 0xff, s.n); cache.push_back(s); }
}

}  // namespace softgpu

using namespace softgpu;

// ---- start, devices, contexts -------------------------------------------------------------------
API int cuInit(unsigned) { loadKernels(); return 0; }
API int cuDriverGetVersion(int* v) { *v = 13000; return 0; }
API int cuDeviceGetCount(int* n) { *n = 1; return 0; }
API int cuDeviceGet(int* d, int i) { if (i) return CUDA_ERROR_INVALID_DEVICE; *d = 0; return 0; }
API int cuDeviceGetName(char* s, int n, int) { std::snprintf(s, size_t(n), "software GPU"); return 0; }
API int cuDeviceGetUuid(void* u, int) { std::memset(u, 0x5a, 16); return 0; }
API int cuDeviceTotalMem_v2(size_t* n, int) { *n = options().memory; return 0; }
API int cuDeviceComputeCapability(int* a, int* b, int) { *a = options().cc / 10; *b = options().cc % 10; return 0; }
API int cuDeviceGetAttribute(int* v, int a, int) {
  static const std::map<int, int> t{{1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 0x7fffffff}, {6, 65535}, {7, 65535}, {8, 48 << 10}, {9, 64 << 10}, {10, 32},
    {12, 65536}, {13, 1000000}, {16, 8}, {18, 0}, {19, 1}, {31, 1}, {33, 0}, {34, 0}, {36, 1000000}, {37, 256}, {38, 4 << 20}, {39, 2048}, {40, 1}, {41, 1},
    {78, 1}, {81, 228 << 10}, {82, 65536}, {83, 1}, {88, 0}, {95, 0}, {97, 227 << 10}, {106, 32}, {108, 1 << 20}, {111, 1024}, {115, 1}};
  if (a == 75) { *v = options().cc / 10; return 0; }
  if (a == 76) { *v = options().cc % 10; return 0; }
  auto i = t.find(a);
  *v = i == t.end() ? 0 : i->second;
  return 0;
}
API int cuDevicePrimaryCtxRetain(void** c, int) { *c = &theContext; return 0; }
API int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
API int cuDevicePrimaryCtxReset_v2(int) { Guard g(big()); drainAll(); sticky = 0; return 0; }
API int cuDevicePrimaryCtxGetState(int, unsigned* f, int* a) { *f = 0; *a = 1; return 0; }
API int cuDevicePrimaryCtxSetFlags_v2(int, unsigned) { return 0; }
API int cuCtxCreate_v2(void** c, unsigned, int) { *c = &theContext; contexts.push_back(*c); return 0; }
API int cuCtxDestroy_v2(void*) { Guard g(big()); drainAll(); sticky = 0; if (!contexts.empty()) contexts.pop_back(); return 0; }
API int cuCtxSetCurrent(void* c) { if (contexts.empty()) contexts.push_back(c); else contexts.back() = c; return 0; }
API int cuCtxGetCurrent(void** c) { *c = contexts.empty() ? nullptr : contexts.back(); return 0; }
API int cuCtxPushCurrent_v2(void* c) { contexts.push_back(c); return 0; }
API int cuCtxPopCurrent_v2(void** c) { if (contexts.empty()) return CUDA_ERROR_INVALID_CONTEXT; if (c) *c = contexts.back(); contexts.pop_back(); return 0; }
API int cuCtxGetDevice(int* d) { *d = 0; return contexts.empty() ? CUDA_ERROR_INVALID_CONTEXT : 0; }
API int cuCtxGetApiVersion(void*, unsigned* v) { *v = 3020; return 0; }
API int cuCtxSynchronize() { Guard g(big()); if (int e = unsafeInCapture()) return e; counter[Syncs]++; return drainAll(); }
API int cuCtxGetStreamPriorityRange(int* a, int* b) { *a = 0; *b = -5; return 0; }
API int cuCtxSetLimit(int, size_t) { return 0; }
API int cuCtxSetCacheConfig(int) { return 0; }
API int cuGetErrorName(int e, const char** s) {
  static const std::map<int, const char*> n{{0, "CUDA_SUCCESS"}, {1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"}, {200, "CUDA_ERROR_INVALID_IMAGE"},
    {201, "CUDA_ERROR_INVALID_CONTEXT"}, {400, "CUDA_ERROR_INVALID_HANDLE"}, {500, "CUDA_ERROR_NOT_FOUND"}, {600, "CUDA_ERROR_NOT_READY"}, {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"}, {719, "CUDA_ERROR_LAUNCH_FAILED"}, {801, "CUDA_ERROR_NOT_SUPPORTED"}, {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"}};
  auto i = n.find(e);
  *s = i == n.end() ? "CUDA_ERROR_UNKNOWN" : i->second;
  return 0;
}
API int cuGetErrorString(int e, const char** s) { return cuGetErrorName(e, s); }

// ---- memory -------------------------------------------------------------------------------------
API int cuMemAlloc_v2(uintptr_t* p, size_t n) { Guard g(big()); if (int e = unsafeInCapture()) return e; if (dead()) return dead(); counter[Allocs]++; return allocate(p, n, false); }
API int cuMemFree_v2(uintptr_t p) { Guard g(big()); if (int e = unsafeInCapture()) return e; if (!p) return 0; counter[Syncs]++; drainAll(); int r = release(p); return sticky ? sticky : r; }
API int cuMemAllocAsync(uintptr_t* p, size_t n, void*) { Guard g(big()); counter[Allocs]++; return allocate(p, n, false); }
API int cuMemFreeAsync(uintptr_t p, void* s) { Guard g(big()); return put(*stream(s), "free", [=] { return release(p); }); }
API int cuMemAllocManaged(uintptr_t* p, size_t n, unsigned) { return cuMemAlloc_v2(p, n); }
API int cuMemAllocPitch_v2(uintptr_t* p, size_t* pitch, size_t w, size_t h, unsigned) { *pitch = (w + 511) & ~size_t(511); return cuMemAlloc_v2(p, *pitch * h); }
API int cuMemAllocHost_v2(void** p, size_t n) { Guard g(big()); if (int e = unsafeInCapture()) return e; uintptr_t a; int r = allocate(&a, n, true); if (!r) *p = reinterpret_cast<void*>(a); return r; }
API int cuMemHostAlloc(void** p, size_t n, unsigned) { return cuMemAllocHost_v2(p, n); }
API int cuMemFreeHost(void* p) { Guard g(big()); drainAll(); return release(reinterpret_cast<uintptr_t>(p)); }
API int cuMemHostRegister_v2(void* p, size_t n, unsigned) { Guard g(big()); blocks()[reinterpret_cast<uintptr_t>(p)] = {n, nullptr, 0, true}; return 0; }
API int cuMemHostUnregister(void* p) { Guard g(big()); drainAll(); return release(reinterpret_cast<uintptr_t>(p)); }
API int cuMemHostGetDevicePointer_v2(uintptr_t* d, void* p, unsigned) { *d = reinterpret_cast<uintptr_t>(p); return 0; }
API int cuMemGetInfo_v2(size_t* f, size_t* t) { Guard g(big()); *t = options().memory; *f = *t - used; return 0; }
API int cuMemGetAddressRange_v2(uintptr_t* b, size_t* n, uintptr_t p) { Guard g(big()); uintptr_t base; auto k = find(reinterpret_cast<void*>(p), 1, &base); if (!k) return CUDA_ERROR_NOT_FOUND; if (b) *b = base; if (n) *n = k->bytes; return 0; }
static void* P(uintptr_t p) { return reinterpret_cast<void*>(p); }
API int cuMemcpyHtoD_v2(uintptr_t d, const void* s, size_t n) { return copy(nullptr, P(d), s, n, true, false); }
API int cuMemcpyDtoH_v2(void* d, uintptr_t s, size_t n) { return copy(nullptr, d, P(s), n, false, true); }
API int cuMemcpyDtoD_v2(uintptr_t d, uintptr_t s, size_t n) { return copy(nullptr, P(d), P(s), n, true, true); }
API int cuMemcpy(uintptr_t d, uintptr_t s, size_t n) { return copy(nullptr, P(d), P(s), n, isDevice(P(d), n), isDevice(P(s), n)); }
API int cuMemcpyHtoDAsync_v2(uintptr_t d, const void* s, size_t n, void* h) { return copy(stream(h), P(d), s, n, true, false); }
API int cuMemcpyDtoHAsync_v2(void* d, uintptr_t s, size_t n, void* h) { return copy(stream(h), d, P(s), n, false, true); }
API int cuMemcpyDtoDAsync_v2(uintptr_t d, uintptr_t s, size_t n, void* h) { return copy(stream(h), P(d), P(s), n, true, true); }
API int cuMemcpyAsync(uintptr_t d, uintptr_t s, size_t n, void* h) { return copy(stream(h), P(d), P(s), n, isDevice(P(d), n), isDevice(P(s), n)); }
struct Copy2D { size_t sx, sy; int st; const void* sh; uintptr_t sd; void* sa; size_t sp; size_t dx, dy; int dt; void* dh; uintptr_t dd; void* da; size_t dp; size_t w, h; };
static int copy2d(Stream* s, const Copy2D* c) {
  for (size_t y = 0; y < c->h; y++) {
    auto d = (c->dt == 1 ? static_cast<char*>(c->dh) : reinterpret_cast<char*>(c->dd)) + (c->dy + y) * c->dp + c->dx;
    auto f = (c->st == 1 ? static_cast<const char*>(c->sh) : reinterpret_cast<const char*>(c->sd)) + (c->sy + y) * c->sp + c->sx;
    if (int e = copy(s, d, f, c->w, c->dt == 2, c->st == 2)) return e;
  }
  return 0;
}
API int cuMemcpy2D_v2(const Copy2D* c) { return copy2d(nullptr, c); }
API int cuMemcpy2DUnaligned_v2(const Copy2D* c) { return copy2d(nullptr, c); }
API int cuMemcpy2DAsync_v2(const Copy2D* c, void* h) { return copy2d(stream(h), c); }
API int cuMemsetD8_v2(uintptr_t d, unsigned char v, size_t n) { return fill<unsigned char>(nullptr, d, v, n); }
API int cuMemsetD16_v2(uintptr_t d, unsigned short v, size_t n) { return fill<unsigned short>(nullptr, d, v, n); }
API int cuMemsetD32_v2(uintptr_t d, unsigned v, size_t n) { return fill<unsigned>(nullptr, d, v, n); }
API int cuMemsetD8Async(uintptr_t d, unsigned char v, size_t n, void* h) { return fill<unsigned char>(stream(h), d, v, n); }
API int cuMemsetD16Async(uintptr_t d, unsigned short v, size_t n, void* h) { return fill<unsigned short>(stream(h), d, v, n); }
API int cuMemsetD32Async(uintptr_t d, unsigned v, size_t n, void* h) { return fill<unsigned>(stream(h), d, v, n); }

// ---- streams, events ----------------------------------------------------------------------------
API int cuStreamCreate(void** h, unsigned flags) { Guard g(big()); static uint64_t ids = 1; auto s = new Stream; s->blocking = !(flags & 1); s->id = ids++; streams().insert(s); *h = s; return 0; }
API int cuStreamCreateWithPriority(void** h, unsigned flags, int) { return cuStreamCreate(h, flags); }
API int cuStreamDestroy_v2(void* h) { Guard g(big()); auto s = stream(h); drain(*s); streams().erase(s); delete s; return 0; }
API int cuStreamGetId(void* h, unsigned long long* id) { *id = stream(h)->id; return 0; }
API int cuStreamGetFlags(void* h, unsigned* f) { *f = !stream(h)->blocking; return 0; }
API int cuStreamGetCtx(void*, void** c) { *c = &theContext; return 0; }
API int cuStreamSynchronize(void* h) {
  Guard g(big());
  auto s = stream(h);
  if (s->cap) return unsafeInCapture();
  counter[Syncs]++;
  if (s == &null()) for (auto o : streams()) if (o->blocking) drain(*o);
  drain(*s);
  return sticky;
}
API int cuStreamQuery(void* h) { Guard g(big()); auto s = stream(h); if (sticky) return sticky; if (s->cap) return unsafeInCapture(); if (s->q.empty()) return 0; step(*s); return s->q.empty() ? sticky : CUDA_ERROR_NOT_READY; }
API int cuEventCreate(void** e, unsigned) { *e = new Event; return 0; }
API int cuEventDestroy_v2(void* e) { delete static_cast<Event*>(e); return 0; }
API int cuEventRecord(void* h, void* sh) {
  Guard g(big());
  auto e = static_cast<Event*>(h);
  auto s = stream(sh);
  e->cap = s->cap;
  e->s = s; e->set = true; e->seq = s->issued + 1;
  if (s->cap) return 0;
  return put(*s, "record", [=] { e->time = now(); return 0; });
}
API int cuEventRecordWithFlags(void* e, void* s, unsigned) { return cuEventRecord(e, s); }
API int cuEventQuery(void* h) { Guard g(big()); auto e = static_cast<Event*>(h); if (sticky) return sticky; if (!e->set || e->s->done >= e->seq) return 0; step(*e->s); return e->s->done >= e->seq ? sticky : CUDA_ERROR_NOT_READY; }
API int cuEventSynchronize(void* h) { Guard g(big()); auto e = static_cast<Event*>(h); if (e->cap) return unsafeInCapture(); counter[Syncs]++; if (e->set) drain(*e->s, e->seq); return sticky; }
API int cuEventElapsedTime(float* ms, void* a, void* b) {
  Guard g(big());
  auto x = static_cast<Event*>(a), y = static_cast<Event*>(b);
  if (!x->set || !y->set) return CUDA_ERROR_INVALID_HANDLE;
  if (x->s->done < x->seq || y->s->done < y->seq) return CUDA_ERROR_NOT_READY;
  *ms = float(y->time - x->time);
  return 0;
}
API int cuEventElapsedTime_v2(float* ms, void* a, void* b) { return cuEventElapsedTime(ms, a, b); }
API int cuStreamWaitEvent(void* sh, void* h, unsigned) {
  Guard g(big());
  auto e = static_cast<Event*>(h);
  auto s = stream(sh);
  if (e->cap) { if (!s->cap) s->cap = e->cap; return 0; }   // fork: the second stream joins the capture
  if (!e->set) return 0;
  Stream* from = e->s; uint64_t seq = e->seq;
  return put(*s, "wait", [=] { return drain(*from, seq); });
}
API int cuLaunchHostFunc(void* h, void (*f)(void*), void* u) { Guard g(big()); return put(*stream(h), "host", [=] { f(u); return 0; }); }
API int cuStreamAddCallback(void* h, void (*f)(void*, int, void*), void* u, unsigned) { Guard g(big()); return put(*stream(h), "callback", [=] { f(h, sticky, u); return 0; }); }

// ---- graphs -------------------------------------------------------------------------------------
using GraphP = std::shared_ptr<Graph>;
API int cuStreamBeginCapture_v2(void* h, int) {
  Guard g(big());
  auto s = stream(h);
  if (s == &null()) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (s->cap) return CUDA_ERROR_INVALID_VALUE;
  s->cap = std::make_shared<Graph>(); s->origin = true; captures++;
  return 0;
}
API int cuStreamEndCapture(void* h, void** out) {
  Guard g(big());
  auto s = stream(h);
  if (!s->cap || !s->origin) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  auto gr = s->cap;
  s->origin = false; captures--;
  for (auto o : streams()) if (o->cap == gr) o->cap.reset();
  *out = nullptr;
  if (gr->broken) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  *out = new GraphP(gr);
  return 0;
}
API int cuStreamIsCapturing(void* h, int* v) { Guard g(big()); auto s = stream(h); *v = !s->cap ? 0 : s->cap->broken ? 2 : 1; return 0; }
API int cuGraphInstantiateWithFlags(void** x, void* gr, unsigned long long) { *x = new GraphP(std::make_shared<Graph>(**static_cast<GraphP*>(gr))); return 0; }
API int cuGraphGetNodes(void* gr, void** nodes, size_t* n) { size_t k = (*static_cast<GraphP*>(gr))->ops.size(); if (nodes) for (size_t i = 0; i < std::min(k, *n); i++) nodes[i] = &(*static_cast<GraphP*>(gr))->ops[i]; *n = k; return 0; }
API int cuGraphLaunch(void* x, void* h) {
  Guard g(big());
  counter[GraphLaunches]++;
  GraphP gr = *static_cast<GraphP*>(x);
  return put(*stream(h), "graph", [gr] { for (auto& o : gr->ops) if (int e = o.run()) return e; return 0; });
}
API int cuGraphUpload(void*, void*) { return 0; }
API int cuGraphDestroy(void* gr) { delete static_cast<GraphP*>(gr); return 0; }
API int cuGraphExecDestroy(void* x) { Guard g(big()); delete static_cast<GraphP*>(x); return 0; }

// ---- modules, functions -------------------------------------------------------------------------
API int cuModuleLoadData(void** m, const void* image) {
  Guard g(big());
  loadKernels();
  auto s = static_cast<const char*>(image);
  auto r = std::make_unique<Module>();
  const unsigned char* u = static_cast<const unsigned char*>(image);
  bool binary = (u[0] == 0x7f && u[1] == 'E') || (u[0] == 0x50 && u[1] == 0xed);
  if (!binary) {
    r->text = true; r->ptx = s;
    if (r->ptx.find(".version") == std::string::npos || r->ptx.find(".target") == std::string::npos) return CUDA_ERROR_INVALID_IMAGE;
  }
  *m = r.release();
  return 0;
}
API int cuModuleLoadDataEx(void** m, const void* image, unsigned, int*, void**) { return cuModuleLoadData(m, image); }
API int cuModuleLoadFatBinary(void** m, const void* image) { return cuModuleLoadData(m, image); }
API int cuModuleUnload(void* m) { Guard g(big()); drainAll(); delete static_cast<Module*>(m); return 0; }
API int cuModuleGetFunction(void** f, void* mh, const char* name) {
  Guard g(big());
  auto m = static_cast<Module*>(mh);
  auto& slot = m->fn[name];
  if (!slot) {
    auto k = kernels().find(name);
    if (k == kernels().end()) { report("no host build of kernel %s\n", name); m->fn.erase(name); return CUDA_ERROR_NOT_FOUND; }
    auto fn = std::make_unique<Function>();
    fn->k = &k->second; fn->m = m;
    if (m->text) if (int e = describe(*m, name, *fn)) { m->fn.erase(name); return e; }
    slot = std::move(fn);
  }
  *f = slot.get();
  return 0;
}
API int cuModuleGetGlobal_v2(uintptr_t* p, size_t* n, void*, const char* name) {
  Guard g(big());
  auto i = globals().find(name);
  if (i == globals().end()) return CUDA_ERROR_NOT_FOUND;
  auto a = reinterpret_cast<uintptr_t>(i->second.address);
  blocks().insert({a, Block{i->second.bytes, nullptr, 0, true}});
  if (p) *p = a;
  if (n) *n = i->second.bytes;
  return 0;
}
API int cuFuncGetModule(void** m, void* f) { *m = static_cast<Function*>(f)->m; return 0; }
API int cuFuncGetAttribute(int* v, int a, void* h) {
  auto f = static_cast<Function*>(h);
  switch (a) { case 0: *v = int(f->maxThreads); break; case 1: *v = int(f->staticShared); break; case 4: *v = 64; break; case 8: *v = int(f->dynLimit); break; default: *v = 0; }
  return 0;
}
API int cuFuncSetAttribute(void* h, int a, int v) {
  auto f = static_cast<Function*>(h);
  if (a == 8) { if (v < 0 || v + int(f->staticShared) > 227 << 10) return CUDA_ERROR_INVALID_VALUE; f->dynLimit = unsigned(v); }
  return 0;
}
API int cuFuncSetCacheConfig(void*, int) { return 0; }
API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* n, void*, int threads, size_t) { *n = std::max(1, 2048 / std::max(1, threads)); return 0; }
API int cuLaunchKernel(void* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned sh, void* s, void** p, void** x) {
  return launch(static_cast<Function*>(f), {gx, gy, gz}, {bx, by, bz}, sh, s, p, x);
}

// ---- for tests ----------------------------------------------------------------------------------
API int softgpu_counters(uint64_t* out, int n) { Guard g(big()); std::memcpy(out, counter, sizeof(uint64_t) * size_t(std::min(n, int(NCounters)))); return NCounters; }
API int softgpu_kernel_counts(char* out, int n) {
  Guard g(big());
  std::string s;
  for (auto& [name, count] : launched) s += name + " " + std::to_string(count) + "\n";
  std::snprintf(out, size_t(n), "%s", s.c_str());
  return int(s.size());
}
API int softgpu_last_fault(char* out, int n) { std::snprintf(out, size_t(n), "%s", lastFault()); return 0; }
API int softgpu_set(const char* option, int64_t v) {
  Guard g(big());
  std::string s = option;
  auto& o = options();
  if (s == "order") o.order = Order(v);
  else if (s == "deferred") { drainAll(); o.deferred = v; }
  else if (s == "memory") o.memory = size_t(v);
  else if (s == "sanitized") o.sanitized = v;
  else if (s == "trace") o.trace = v;
  else return CUDA_ERROR_INVALID_VALUE;
  return 0;
}
