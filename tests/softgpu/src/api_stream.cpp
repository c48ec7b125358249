// The driver API: streams, events, capture, graphs.
#include <algorithm>
#include <chrono>

#include "counters.h"
#include "stream.h"

using namespace softgpu;

namespace {

constexpr unsigned NON_BLOCKING = 1, DISABLE_TIMING = 2;

std::set<Event *> &events() {
    static auto *set = new std::set<Event *>;
    return *set;
}

bool is_event(Event *e) { return events().contains(e); }

double milliseconds() {
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double, std::milli>(now).count();
}

// The graphs and executable graphs that live; handles are addresses of shared pointers.
using GraphHandle = std::shared_ptr<Graph>;
std::set<GraphHandle *> &graphs() {
    static auto *set = new std::set<GraphHandle *>;
    return *set;
}

GraphHandle *new_graph(GraphHandle graph) { return *graphs().insert(new GraphHandle(graph)).first; }

int delete_graph(GraphHandle *graph) {
    if (!graphs().erase(graph)) {
        return INVALID_HANDLE;
    }
    delete graph;
    return SUCCESS;
}

// What a call on a capturing stream answers that would wait for it.
int broken_capture(Stream &s) {
    s.capture->broken = true;
    return STREAM_CAPTURE_UNSUPPORTED;
}

void add_all(std::vector<size_t> &to, const std::vector<size_t> &from) {
    to.insert(to.end(), from.begin(), from.end());
    std::sort(to.begin(), to.end());
    to.erase(std::unique(to.begin(), to.end()), to.end());
}

}  // namespace

// ---- streams -----------------------------------------------------------------------------------

API int cuStreamCreate(Stream **handle, unsigned flags) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    *handle = new_stream(current_context(), !(flags & NON_BLOCKING));
    return SUCCESS;
}

API int cuStreamCreateWithPriority(Stream **handle, unsigned flags, int) {
    return cuStreamCreate(handle, flags);
}

API int cuStreamDestroy_v2(void *handle) {
    Lock lock;
    Stream *s = stream_of(handle);
    if (!s || s == s->context->null) {
        return INVALID_HANDLE;
    }
    delete_stream(s);
    return SUCCESS;
}

API int cuStreamGetFlags(void *handle, unsigned *flags) {
    Lock lock;
    Stream *s = stream_of(handle);
    if (!s) {
        return INVALID_HANDLE;
    }
    *flags = s->blocking ? 0 : NON_BLOCKING;
    return usable();
}

API int cuStreamSynchronize(void *handle) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    Stream *s = stream_of(handle);
    if (!s) {
        return INVALID_HANDLE;
    }
    if (s->capture) {
        return broken_capture(*s);
    }
    count(Counter::Waits);
    if (s == s->context->null) {
        for (Stream *other : s->context->streams) {
            if (other->blocking) {
                drain(*other);
            }
        }
    }
    return drain(*s);
}

API int cuStreamQuery(void *handle) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    Stream *s = stream_of(handle);
    if (!s) {
        return INVALID_HANDLE;
    }
    if (s->capture) {
        return broken_capture(*s);
    }
    if (s->queue.empty()) {
        return SUCCESS;
    }
    if (int e = step(*s)) {  // so that asking again and again gets there
        return e;
    }
    return s->queue.empty() ? SUCCESS : NOT_READY;
}

API int cuStreamWaitEvent(void *handle, Event *event, unsigned) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    Stream *s = stream_of(handle);
    if (!s || !is_event(event)) {
        return INVALID_HANDLE;
    }
    if (event->capture) {
        if (!s->capture) {  // the stream joins the capture
            s->capture = event->capture;
            s->last = event->after;
            return SUCCESS;
        }
        if (s->capture != event->capture) {
            return broken_capture(*s);
        }
        add_all(s->last, event->after);
        return SUCCESS;
    }
    if (s->capture && event->mark) {  // work that is not the capture's
        return broken_capture(*s);
    }
    std::shared_ptr<Mark> mark = event->mark;
    return mark ? put(*s, "wait", [=] { return drain_until(mark); }) : SUCCESS;
}

API int cuLaunchHostFunc(void *handle, void (*function)(void *), void *argument) {
    return enqueue(handle, "host function", [=] {
        function(argument);
        return SUCCESS;
    });
}

// ---- events ------------------------------------------------------------------------------------

API int cuEventCreate(Event **handle, unsigned flags) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    *handle = new Event{!(flags & DISABLE_TIMING), nullptr, nullptr, {}};
    events().insert(*handle);
    return SUCCESS;
}

API int cuEventDestroy_v2(Event *event) {
    Lock lock;
    if (!events().erase(event)) {
        return INVALID_HANDLE;
    }
    delete event;
    return SUCCESS;
}

API int cuEventRecord(Event *event, void *handle) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    Stream *s = stream_of(handle);
    if (!s || !is_event(event)) {
        return INVALID_HANDLE;
    }
    if (s->capture) {
        event->capture = s->capture;
        event->after = s->last;
        event->mark = nullptr;
        return SUCCESS;
    }
    event->capture = nullptr;
    event->mark = std::make_shared<Mark>();
    event->mark->stream = s;
    return put(*s, "record", [mark = event->mark] {
        mark->reached = true;
        mark->milliseconds = milliseconds();
        return SUCCESS;
    });
}

API int cuEventQuery(Event *event) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (!is_event(event)) {
        return INVALID_HANDLE;
    }
    if (event->capture) {
        event->capture->broken = true;
        return STREAM_CAPTURE_UNSUPPORTED;
    }
    if (!event->mark || event->mark->reached) {
        return SUCCESS;
    }
    if (int e = step(*event->mark->stream)) {
        return e;
    }
    return event->mark->reached ? SUCCESS : NOT_READY;
}

API int cuEventSynchronize(Event *event) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (!is_event(event)) {
        return INVALID_HANDLE;
    }
    if (event->capture) {
        event->capture->broken = true;
        return STREAM_CAPTURE_UNSUPPORTED;
    }
    count(Counter::Waits);
    return event->mark ? drain_until(event->mark) : SUCCESS;
}

API int cuEventElapsedTime(float *elapsed, Event *from, Event *to) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (!is_event(from) || !is_event(to) || !from->timed || !to->timed || !from->mark || !to->mark) {
        return INVALID_HANDLE;
    }
    if (!from->mark->reached || !to->mark->reached) {
        return NOT_READY;
    }
    *elapsed = float(to->mark->milliseconds - from->mark->milliseconds);
    return SUCCESS;
}

// ---- capture, graphs ---------------------------------------------------------------------------

API int cuStreamBeginCapture_v2(void *handle, int mode) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    Stream *s = stream_of(handle);
    if (!s || mode < 0 || mode > int(CaptureMode::Relaxed)) {
        return INVALID_VALUE;
    }
    if (s == s->context->null || s->capture) {
        return STREAM_CAPTURE_UNSUPPORTED;
    }
    s->capture = std::make_shared<Graph>();
    s->capture->mode = CaptureMode(mode);
    s->capture->thread = std::this_thread::get_id();
    s->capture->origin = s;
    s->capture->context = s->context;
    s->last.clear();
    return SUCCESS;
}

API int cuStreamEndCapture(void *handle, GraphHandle **out) {
    Lock lock;
    *out = nullptr;
    if (int e = usable()) {
        return e;
    }
    Stream *s = stream_of(handle);
    if (!s || !s->capture || s->capture->origin != s) {
        return STREAM_CAPTURE_UNMATCHED;
    }
    GraphHandle graph = s->capture;
    if (graph->mode != CaptureMode::Relaxed && graph->thread != std::this_thread::get_id()) {
        return STREAM_CAPTURE_WRONG_THREAD;
    }
    bool joined = is_joined(*graph);
    for (Stream *other : s->context->streams) {
        if (other->capture == graph) {
            other->capture.reset();
            other->last.clear();
        }
    }
    for (Event *e : events()) {
        if (e->capture == graph) {
            e->capture.reset();
        }
    }
    if (graph->broken) {
        return STREAM_CAPTURE_INVALIDATED;
    }
    if (!joined) {
        return STREAM_CAPTURE_UNJOINED;
    }
    *out = new_graph(graph);
    return SUCCESS;
}

API int cuStreamIsCapturing(void *handle, int *status) {
    Lock lock;
    Stream *s = stream_of(handle);
    if (!s) {
        return INVALID_HANDLE;
    }
    *status = !s->capture ? 0 : s->capture->broken ? 2 : 1;
    return usable();
}

API int cuGraphInstantiateWithFlags(GraphHandle **out, GraphHandle *graph, unsigned long long) {
    Lock lock;
    if (!graphs().contains(graph)) {
        return INVALID_HANDLE;
    }
    *out = new_graph(std::make_shared<Graph>(**graph));
    return usable();
}

API int cuGraphGetNodes(GraphHandle *graph, void **nodes, size_t *n) {
    Lock lock;
    if (!graphs().contains(graph)) {
        return INVALID_HANDLE;
    }
    size_t count = (*graph)->nodes.size();
    for (size_t i = 0; nodes && i < std::min(count, *n); i++) {
        nodes[i] = &(*graph)->nodes[i];
    }
    *n = count;
    return usable();
}

API int cuGraphLaunch(GraphHandle *graph, void *handle) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    if (!graphs().contains(graph)) {
        return INVALID_HANDLE;
    }
    return enqueue(handle, "graph", [graph = *graph] {
        count(Counter::GraphLaunches);
        return run_graph(*graph);
    });
}

API int cuGraphUpload(GraphHandle *graph, void *) {
    Lock lock;
    return graphs().contains(graph) ? usable() : INVALID_HANDLE;
}

API int cuGraphDestroy(GraphHandle *graph) {
    Lock lock;
    return delete_graph(graph);
}

API int cuGraphExecDestroy(GraphHandle *graph) {
    Lock lock;
    return delete_graph(graph);
}
