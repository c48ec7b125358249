#include "stream.h"

#include <algorithm>
#include <cstdio>

#include "memory.h"

namespace softgpu {

namespace {

thread_local std::vector<Context *> current;

std::set<Context *> &contexts() {
    static auto *set = new std::set<Context *>;
    return *set;
}

// In the order in which independent streams take their turn.
std::vector<Stream *> in_turn(const std::set<Stream *> &streams) {
    std::vector<Stream *> order(streams.begin(), streams.end());
    std::sort(order.begin(), order.end(), [](Stream *a, Stream *b) { return a->id < b->id; });
    if (options().order == Order::Reverse) {
        std::reverse(order.begin(), order.end());
    } else if (options().order == Order::Random) {
        for (size_t i = order.size(); i > 1; i--) {
            std::swap(order[i - 1], order[random_below(unsigned(i))]);
        }
    }
    return order;
}

}  // namespace

std::recursive_mutex &Lock::mutex() {
    static auto *mutex = new std::recursive_mutex;
    return *mutex;
}

Context *current_context() { return current.empty() ? nullptr : current.back(); }

Context *primary_context() {
    static Context *primary = new_context(true);
    return primary;
}

void push_context(Context *c) { current.push_back(c); }

Context *pop_context() {
    Context *c = current_context();
    if (c) {
        current.pop_back();
    }
    return c;
}

void set_context(Context *c) {
    if (!current.empty()) {
        current.pop_back();
    }
    if (c) {
        current.push_back(c);
    }
}

Context *new_context(bool primary) {
    auto c = new Context;
    c->primary = primary;
    c->null = new_stream(c, true);
    contexts().insert(c);
    return c;
}

void reset_context(Context *c) {
    drain_context(*c);
    for (Stream *s : std::vector(c->streams.begin(), c->streams.end())) {
        if (s != c->null) {
            delete_stream(s);
        }
    }
    release_all(c);
    c->error = SUCCESS;
}

void destroy_context(Context *c) {
    reset_context(c);
    contexts().erase(c);
    if (current_context() == c) {
        current.pop_back();
    }
    delete c->null;
    delete c;
}

bool has_context() {
    Lock lock;
    return usable() == SUCCESS;
}

int usable() {
    Context *c = current_context();
    return c && contexts().contains(c) ? c->error : INVALID_CONTEXT;
}

Stream *stream_of(void *handle) {
    Context *c = current_context();
    if (!c) {
        return nullptr;
    }
    constexpr uintptr_t LEGACY = 1, PER_THREAD = 2;
    auto number = reinterpret_cast<uintptr_t>(handle);
    if (number == 0 || number == LEGACY || number == PER_THREAD) {
        return c->null;
    }
    auto s = static_cast<Stream *>(handle);
    return c->streams.contains(s) ? s : nullptr;
}

Stream *new_stream(Context *c, bool blocking) {
    static uint64_t ids = 0;
    auto s = new Stream{c, ids++, blocking, {}, nullptr, {}};
    c->streams.insert(s);
    return s;
}

void delete_stream(Stream *s) {
    drain(*s);
    s->context->streams.erase(s);
    delete s;
}

int step(Stream &s) {
    Operation operation = std::move(s.queue.front());
    s.queue.pop_front();
    Context &c = *s.context;
    if (!c.error) {
        c.error = operation.run();
    }
    return c.error;
}

int drain(Stream &s) {
    while (!s.queue.empty()) {
        step(s);
    }
    return s.context->error;
}

int drain_until(const std::shared_ptr<Mark> &mark) {
    Context *c = mark->stream->context;
    while (!mark->reached && !c->error && c->streams.contains(mark->stream) &&
           !mark->stream->queue.empty()) {
        step(*mark->stream);
    }
    return c->error;
}

int drain_context(Context &c) {
    for (Stream *s : in_turn(c.streams)) {
        drain(*s);
    }
    return c.error;
}

void drain_all_contexts() {
    for (Context *c : contexts()) {
        drain_context(*c);
    }
}

int put(Stream &s, std::string what, std::function<int()> run) {
    Context &c = *s.context;
    if (c.error) {
        return c.error;
    }
    if (options().trace) {
        std::fprintf(stderr, "software GPU: stream %lu%s: %s\n", static_cast<unsigned long>(s.id),
                     s.capture ? " (capturing)" : "", what.c_str());
    }
    if (s.capture) {
        s.capture->nodes.push_back({{std::move(what), std::move(run)}, s.last});
        s.last = {s.capture->nodes.size() - 1};
        return SUCCESS;
    }
    if (&s == c.null) {
        for (Stream *other : in_turn(c.streams)) {
            if (other != &s && other->blocking) {
                drain(*other);
            }
        }
    } else if (s.blocking) {
        drain(*c.null);
    }
    s.queue.push_back({std::move(what), std::move(run)});
    return options().deferred ? c.error : drain(s);
}

int enqueue(void *handle, const char *what, std::function<int()> work) {
    Lock lock;
    if (int e = usable()) {
        return e;
    }
    Stream *s = stream_of(handle);
    return s ? put(*s, what, std::move(work)) : INVALID_HANDLE;
}

int forbidden_by_capture() {
    bool forbidden = false;
    for (Context *c : contexts()) {
        for (Stream *s : c->streams) {
            if (!s->capture || s->capture->mode == CaptureMode::Relaxed) {
                continue;
            }
            if (s->capture->mode == CaptureMode::Global ||
                s->capture->thread == std::this_thread::get_id()) {
                s->capture->broken = true;
                forbidden = true;
            }
        }
    }
    return forbidden ? STREAM_CAPTURE_UNSUPPORTED : SUCCESS;
}

// In an order that the dependencies allow: forward that of the calls, reverse the most different one.
int run_graph(const Graph &graph) {
    const std::vector<Node> &nodes = graph.nodes;
    std::vector<size_t> missing(nodes.size()), ready;
    std::vector<std::vector<size_t>> then(nodes.size());
    for (size_t i = 0; i < nodes.size(); i++) {
        missing[i] = nodes[i].after.size();
        for (size_t before : nodes[i].after) {
            then[before].push_back(i);
        }
        if (!missing[i]) {
            ready.push_back(i);
        }
    }
    while (!ready.empty()) {
        size_t k = 0;
        switch (options().order) {
        case Order::Forward:
            k = size_t(std::min_element(ready.begin(), ready.end()) - ready.begin());
            break;
        case Order::Reverse:
            k = size_t(std::max_element(ready.begin(), ready.end()) - ready.begin());
            break;
        case Order::Random: k = random_below(unsigned(ready.size())); break;
        }
        size_t i = ready[k];
        ready.erase(ready.begin() + long(k));
        if (int e = nodes[i].operation.run()) {
            return e;
        }
        for (size_t next : then[i]) {
            if (--missing[next] == 0) {
                ready.push_back(next);
            }
        }
    }
    return SUCCESS;
}

bool is_joined(const Graph &graph) {
    std::vector<char> seen(graph.nodes.size());
    std::vector<size_t> open = graph.origin->last;
    while (!open.empty()) {
        size_t i = open.back();
        open.pop_back();
        if (!seen[i]) {
            seen[i] = 1;
            open.insert(open.end(), graph.nodes[i].after.begin(), graph.nodes[i].after.end());
        }
    }
    return std::count(seen.begin(), seen.end(), 0) == 0;
}

}  // namespace softgpu
