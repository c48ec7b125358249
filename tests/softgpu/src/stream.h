// Contexts, streams, events and graphs. All of it is guarded by one lock, which is also held while
// work runs.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "internal.h"

namespace softgpu {

class Lock {
  public:
    Lock() : guard(mutex()) {}

  private:
    static std::recursive_mutex &mutex();
    std::lock_guard<std::recursive_mutex> guard;
};

struct Stream;

struct Context {
    int error = SUCCESS;  // once set, what every call answers
    bool primary = false;
    int retained = 0;
    Stream *null = nullptr;  // its legacy default stream
    std::set<Stream *> streams;
};

struct Operation {
    std::string what;
    std::function<int()> run;
};

struct Node {
    Operation operation;
    std::vector<size_t> after;  // nodes that must have run before
};

enum class CaptureMode { Global, ThreadLocal, Relaxed };

struct Graph {
    std::vector<Node> nodes;
    bool broken = false;
    CaptureMode mode = CaptureMode::Global;
    std::thread::id thread;
    Stream *origin = nullptr;
    Context *context = nullptr;
};

struct Stream {
    Context *context;
    uint64_t id;
    bool blocking;  // with the default stream
    std::deque<Operation> queue;
    std::shared_ptr<Graph> capture;
    std::vector<size_t> last;  // nodes that the next captured one comes after
};

// A place in a stream's work.
struct Mark {
    Stream *stream = nullptr;
    bool reached = false;
    double milliseconds = 0;
};

struct Event {
    bool timed;
    std::shared_ptr<Mark> mark;
    std::shared_ptr<Graph> capture;  // recorded while capturing: after these nodes
    std::vector<size_t> after;
};

Context *current_context();
Context *primary_context();
void push_context(Context *);
Context *pop_context();
void set_context(Context *);
Context *new_context(bool primary);
// Waits for the context's work and frees what it owns.
void reset_context(Context *);
void destroy_context(Context *);

// SUCCESS, or why no call can be made now: no current context, or one that a fault has ended.
int usable();

// The stream of a handle in the current context, or null.
Stream *stream_of(void *handle);
Stream *new_stream(Context *, bool blocking);
void delete_stream(Stream *);

// Adds to the stream's queue or the graph it captures; runs it at once unless deferred.
int put(Stream &, std::string what, std::function<int()> run);
int drain(Stream &);
int drain_until(const std::shared_ptr<Mark> &);
int drain_context(Context &);
void drain_all_contexts();
// Runs the stream's next operation.
int step(Stream &);

// What a call that may wait for the device answers while this thread must not make it; the captures that
// forbid it are broken.
int forbidden_by_capture();

int run_graph(const Graph &);
// Whether every node comes before the origin's last ones.
bool is_joined(const Graph &);

}  // namespace softgpu
