package dev.ocellus.plan;

import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Lays all values of a plan into one block of memory: values that are never needed at the same time
 * share bytes, and a result takes the place of an operand that nobody needs any more. Run-time
 * counts come first, then the inputs, the smallest first: what is filled anew for each run lies
 * together.
 */
final class Workspace {
    /** Scratch memory of libraries for GPUs wants this much; kernels of all devices want less. */
    private static final long ALIGNMENT = 256;

    /** A run-time count times the rows that one entry takes: what kernels read. */
    record Counter(Count count, long multiple) {}

    /** Memory that is in use from step {@code first} to step {@code last}. */
    private static final class Buffer {
        final long bytes;
        final int first;
        int last;
        long offset = -1;

        Buffer(long bytes, int first) {
            this.bytes = Math.max(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
            this.first = first;
            this.last = first;
        }

        boolean isInput() {
            return first < 0;
        }

        boolean meets(Buffer o) {
            return first <= o.last && o.first <= last;
        }
    }

    private record Place(Buffer buffer, long byteOffset, long ld) {}

    private final Map<Value, Place> places = new LinkedHashMap<>();
    private final Map<Counter, Long> counters = new LinkedHashMap<>();
    private final Map<Step, Buffer> scratch = new HashMap<>();
    private final List<Buffer> buffers = new ArrayList<>();
    private long bytes;

    private Workspace() {}

    static Workspace of(Graph graph, List<Step> steps, Map<Step, Long> scratchBytes) {
        Workspace w = new Workspace();
        Set<Value> outputs = new HashSet<>(graph.outputs().values());
        Map<Value, Integer> lastUse = lastUse(steps, outputs);
        graph.inputs().values().forEach(v -> w.place(v, -1));
        for (int i = 0; i < steps.size(); i++) {
            Step s = steps.get(i);
            w.placeResults(s, i, outputs, lastUse);
            for (Value v : s.reads()) {
                w.touch(v, i);
            }
            long need = scratchBytes.getOrDefault(s, 0L);
            if (need > 0) {
                Buffer b = w.buffer(need, i);
                w.scratch.put(s, b);
            }
        }
        outputs.forEach(v -> w.touch(v, steps.size()));
        for (Value v : w.places.keySet()) {
            if (v.count() != null) {
                w.counters.putIfAbsent(new Counter(v.count(), 1), 0L);
                w.counters.putIfAbsent(new Counter(v.count(), v.rowsPerEntry()), 0L);
            }
        }
        w.layOut();
        return w;
    }

    private static Map<Value, Integer> lastUse(List<Step> steps, Set<Value> outputs) {
        Map<Value, Integer> last = new HashMap<>();
        for (int i = 0; i < steps.size(); i++) {
            for (Value v : steps.get(i).reads()) {
                last.put(v, i);
            }
        }
        outputs.forEach(v -> last.put(v, steps.size()));
        return last;
    }

    private void placeResults(Step s, int index, Set<Value> outputs, Map<Value, Integer> lastUse) {
        Value reuse = s.inPlace();
        boolean free =
                reuse != null
                        && lastUse.getOrDefault(reuse, -1) <= index
                        && s.writes().size() == 1
                        && s.reads().stream().filter(v -> v == reuse).count() == 1
                        && reuse.shape().equals(s.writes().getFirst().shape());
        // An output has no gaps between its rows; the columns of a shared buffer have.
        boolean fits = free && (ld(reuse) == reuse.cols() || !outputs.contains(out(s)));
        if (fits) {
            places.put(out(s), places.get(reuse));
        } else if (s.writes().size() == 1) {
            place(out(s), index);
        } else {
            placeSideBySide(s.writes(), index);
        }
        s.writes().forEach(v -> touch(v, index));
    }

    private static Value out(Step s) {
        return s.writes().getFirst();
    }

    private void place(Value v, int first) {
        Buffer b = buffer(v.dtype().byteSize(v.shape().elements()), first);
        places.put(v, new Place(b, 0, v.cols()));
    }

    private void placeSideBySide(List<Value> values, int first) {
        long cols = values.stream().mapToLong(Value::cols).sum();
        Buffer b = buffer(values.getFirst().rows() * cols * 4, first);
        long at = 0;
        for (Value v : values) {
            places.put(v, new Place(b, at * 4, cols));
            at += v.cols();
        }
    }

    private Buffer buffer(long size, int first) {
        Buffer b = new Buffer(size, first);
        buffers.add(b);
        return b;
    }

    private void touch(Value v, int step) {
        Buffer b = places.get(v).buffer();
        b.last = Math.max(b.last, step);
    }

    /**
     * After the counters and inputs the largest buffers first, each at the lowest offset where it
     * meets nobody of its time.
     */
    private void layOut() {
        long base = 0;
        for (Counter c : counters.keySet()) {
            counters.put(c, base);
            base += 8;
        }
        base = (base + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        List<Buffer> order = new ArrayList<>(buffers);
        order.sort(
                Comparator.comparing((Buffer b) -> !b.isInput())
                        .thenComparingLong(b -> b.isInput() ? b.bytes : -b.bytes)
                        .thenComparingInt(b -> b.first));
        List<Buffer> placed = new ArrayList<>();
        bytes = base;
        for (Buffer b : order) {
            long at = base;
            for (Buffer o : placed) {
                if (b.meets(o) && at < o.offset + o.bytes && o.offset < at + b.bytes) {
                    at = o.offset + o.bytes;
                }
            }
            b.offset = at;
            bytes = Math.max(bytes, at + b.bytes);
            placed.add(b);
            placed.sort(Comparator.comparingLong(o -> o.offset));
        }
    }

    long bytes() {
        return bytes;
    }

    long offset(Value v) {
        Place p = places.get(v);
        return p.buffer().offset + p.byteOffset();
    }

    long ld(Value v) {
        return places.get(v).ld();
    }

    Map<Counter, Long> counters() {
        return counters;
    }

    long scratchOffset(Step s) {
        Buffer b = scratch.get(s);
        return b == null ? -1 : b.offset;
    }
}
