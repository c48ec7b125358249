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
import java.util.stream.Stream;

/**
 * The runs of an executable, one at a time: each waits for the one before. Made once for all of
 * them, so that a decoded token allocates nothing.
 */
final class PlanRun implements Run {
    private final Plan plan;
    private final MemorySegment counterMemory;
    private final Consumer<BooleanSupplier> work;
    private final Map<String, Place> inputs;
    private final Map<String, Place> outputs;
    private final Place[] allPlaces;
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
        inputs = places(plan.graph().inputs(), view);
        outputs = places(plan.graph().outputs(), view);
        allPlaces =
                Stream.concat(inputs.values().stream(), outputs.values().stream())
                        .toArray(Place[]::new);
        plan.counts().forEach(c -> counters.put(c, Counters.of(plan.counters(c))));
    }

    /** Memory of an input or output, and whether it was asked for since the run began. */
    private static final class Place {
        final MemorySegment memory;
        boolean asked;

        Place(MemorySegment memory) {
            this.memory = memory;
        }
    }

    private static Map<String, Place> places(
            Map<String, Value> values, Function<Value, MemorySegment> view) {
        Map<String, Place> places = new HashMap<>();
        values.forEach((label, v) -> places.put(label, new Place(view.apply(v))));
        return places;
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
        for (Place p : allPlaces) {
            p.asked = false;
        }
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
        Place p = place(inputs, label);
        p.asked = true;
        return p.memory;
    }

    /** Whether the run under way has asked for an input; without that it has not been filled. */
    boolean hasAsked(String label) {
        return inputs.get(label).asked;
    }

    @Override
    public void want(String label) {
        place(outputs, label).asked = true;
    }

    /** Whether the run under way wants an optional output. */
    boolean wants(String label) {
        return outputs.get(label).asked;
    }

    @Override
    public void execute(BooleanSupplier cancelled) {
        checkOpen();
        work.accept(cancelled);
    }

    @Override
    public MemorySegment output(String label) {
        Place p = place(outputs, label);
        if (!p.asked && plan.graph().isOptional(label)) {
            throw new IllegalStateException(
                    "this run of the plan " + plan.graph().name() + " did not want " + label);
        }
        return p.memory;
    }

    private Place place(Map<String, Place> places, String label) {
        checkOpen();
        Place p = places.get(label);
        if (p == null) {
            throw new IllegalArgumentException(
                    "the plan " + plan.graph().name() + " has no tensor " + label);
        }
        return p;
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
