package dev.ocellus.device;

import dev.ocellus.graph.Count;
import dev.ocellus.graph.Value;
import dev.ocellus.plan.Plan;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.LongStream;

/**
 * The runs of an executable, one at a time: each waits for the one before. Made once for all of
 * them, so that a decoded token allocates nothing.
 */
final class PlanRun implements Run {
    private final Plan plan;
    private final MemorySegment counterMemory;
    private final Consumer<BooleanSupplier> work;
    private final Map<String, MemorySegment> inputs;
    private final Map<String, MemorySegment> outputs;
    private final Map<Count, Counters> counters = new HashMap<>();
    private final ReentrantLock running = new ReentrantLock(true);
    private final Lifetime lifetime;
    private boolean open;

    /**
     * @param counterMemory host memory that begins with the counters of the plan's workspace
     * @param view host memory of an input or output
     * @param work runs all steps, or throws when cancelled
     */
    PlanRun(
            Plan plan,
            MemorySegment counterMemory,
            Function<Value, MemorySegment> view,
            Consumer<BooleanSupplier> work) {
        this.plan = plan;
        this.counterMemory = counterMemory;
        this.work = work;
        lifetime = new Lifetime("the plan " + plan.graph().name());
        inputs = views(plan.graph().inputs(), view);
        outputs = views(plan.graph().outputs(), view);
        plan.counts().forEach(c -> counters.put(c, Counters.of(plan.counters(c))));
    }

    private static Map<String, MemorySegment> views(
            Map<String, Value> values, Function<Value, MemorySegment> view) {
        Map<String, MemorySegment> views = new HashMap<>();
        values.forEach((label, v) -> views.put(label, view.apply(v)));
        return views;
    }

    /** The counters that hold a count, and the multiple of it that each holds. */
    private record Counters(long[] offsets, long[] multiples) {
        static Counters of(Map<Long, Long> multipleAt) {
            long[] offsets = multipleAt.keySet().stream().mapToLong(Long::longValue).toArray();
            long[] multiples = LongStream.of(offsets).map(multipleAt::get).toArray();
            return new Counters(offsets, multiples);
        }
    }

    /** As {@link Executable#begin}. */
    Run begin() {
        if (running.isHeldByCurrentThread()) {
            throw new IllegalStateException(
                    "this thread has a run of the plan " + plan.graph().name() + " under way");
        }
        lifetime.acquire();
        running.lock();
        open = true;
        return this;
    }

    /**
     * Refuses new runs and waits for those there are. Returns whether this call was the first one:
     * then whoever called may free what runs use.
     */
    boolean end() {
        return lifetime.close();
    }

    @Override
    public void count(Count count, long actual) {
        checkOpen();
        Counters c = counters.get(count);
        if (c == null) {
            throw new IllegalArgumentException(
                    "the plan " + plan.graph().name() + " has no " + count);
        }
        if (actual < 0 || actual > count.capacity()) {
            throw new IllegalArgumentException(
                    "count "
                            + count.name()
                            + " is "
                            + actual
                            + "; the plan has room for "
                            + count.capacity());
        }
        for (int i = 0; i < c.offsets.length; i++) {
            counterMemory.set(ValueLayout.JAVA_LONG, c.offsets[i], actual * c.multiples[i]);
        }
    }

    @Override
    public MemorySegment input(String label) {
        return view(inputs, label);
    }

    @Override
    public void execute(BooleanSupplier cancelled) {
        checkOpen();
        work.accept(cancelled);
    }

    @Override
    public MemorySegment output(String label) {
        return view(outputs, label);
    }

    private MemorySegment view(Map<String, MemorySegment> views, String label) {
        checkOpen();
        MemorySegment s = views.get(label);
        if (s == null) {
            throw new IllegalArgumentException(
                    "the plan " + plan.graph().name() + " has no tensor " + label);
        }
        return s;
    }

    /** Whether this thread's run is open; after its end the memory may be another's. */
    private boolean isOpen() {
        return running.isHeldByCurrentThread() && open;
    }

    private void checkOpen() {
        if (!isOpen()) {
            throw new IllegalStateException(
                    "the run of the plan " + plan.graph().name() + " has been closed");
        }
    }

    @Override
    public void close() {
        if (isOpen()) {
            open = false;
            running.unlock();
            lifetime.release();
        }
    }
}
