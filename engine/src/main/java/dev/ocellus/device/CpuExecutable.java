package dev.ocellus.device;

import dev.ocellus.graph.Count;
import dev.ocellus.graph.Value;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.plan.Plan;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.stream.LongStream;

/** A plan bound to CPU kernels. */
final class CpuExecutable implements Executable {
    private final Plan plan;
    private final WorkerPool pool;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final List<List<Launch>> launches;
    private final int[] stepOf;
    private final ReentrantLock running = new ReentrantLock(true);
    private final Lifetime lifetime;
    private final CpuRun run;
    private volatile Profile profile;

    CpuExecutable(Plan plan, WeightStore store, KernelProvider provider, WorkerPool pool) {
        this.plan = plan;
        this.pool = pool;
        lifetime = new Lifetime("the plan " + plan.graph().name());
        try {
            store.pack(plan.packings(), null);
            memory = CpuMemory.allocate(plan.workspaceBytes(), arena);
            List<Plan.BoundCall> calls = plan.bind(memory.address(), store::address);
            launches =
                    calls.stream().map(c -> provider.bind(c.call(), c.scratch(), arena)).toList();
            stepOf = calls.stream().mapToInt(Plan.BoundCall::step).toArray();
            run = new CpuRun();
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public Plan plan() {
        return plan;
    }

    @Override
    public Run begin() {
        if (running.isHeldByCurrentThread()) {
            throw new IllegalStateException(
                    "this thread has a run of the plan " + plan.graph().name() + " under way");
        }
        lifetime.acquire();
        running.lock();
        run.open = true;
        return run;
    }

    @Override
    public Profile profile() {
        return profile;
    }

    @Override
    public void profiling(boolean on) {
        profile = on ? new Profile(plan) : null;
    }

    @Override
    public void close() {
        if (lifetime.close()) {
            arena.close();
        }
    }

    private void execute(BooleanSupplier cancelled) {
        Profile p = profile;
        boolean recorded = StepEvent.isOn();
        boolean finished =
                p == null && !recorded
                        ? pool.runSteps(launches, cancelled)
                        : measured(p, recorded, cancelled);
        if (!finished) {
            throw new CancellationException("cancelled");
        }
    }

    /** Runs the steps one by one, so that each has a time of its own. */
    private boolean measured(Profile p, boolean recorded, BooleanSupplier cancelled) {
        if (p != null) {
            p.begin();
        }
        for (int i = 0; i < launches.size(); i++) {
            if (cancelled.getAsBoolean()) {
                return false;
            }
            measure(i, p, recorded);
        }
        if (p != null) {
            p.end();
        }
        return true;
    }

    private void measure(int launch, Profile p, boolean recorded) {
        int step = stepOf[launch];
        StepEvent event = recorded ? StepEvent.begin(plan, step) : null;
        long start = System.nanoTime();
        pool.run(launches.get(launch));
        long time = System.nanoTime() - start;
        if (event != null) {
            event.commit();
        }
        if (p != null) {
            p.add(step, start, time);
        }
    }

    /** The counters that hold a count, and the multiple of it that each holds. */
    private record Counters(long[] offsets, long[] multiples) {
        static Counters of(Map<Long, Long> multipleAt) {
            long[] offsets = multipleAt.keySet().stream().mapToLong(Long::longValue).toArray();
            long[] multiples = LongStream.of(offsets).map(multipleAt::get).toArray();
            return new Counters(offsets, multiples);
        }
    }

    /** The one run that can be under way; made once, so that a decoded token allocates nothing. */
    private final class CpuRun implements Run {
        private final Map<String, MemorySegment> inputs = views(plan.graph().inputs());
        private final Map<String, MemorySegment> outputs = views(plan.graph().outputs());
        private final Map<Count, Counters> counters = new HashMap<>();
        private boolean open;

        CpuRun() {
            plan.counts().forEach(c -> counters.put(c, Counters.of(plan.counters(c))));
        }

        private Map<String, MemorySegment> views(Map<String, Value> values) {
            Map<String, MemorySegment> views = new HashMap<>();
            values.forEach(
                    (label, v) ->
                            views.put(
                                    label,
                                    memory.asSlice(
                                            plan.offset(v),
                                            v.dtype().byteSize(v.shape().elements()))));
            return views;
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
                memory.set(ValueLayout.JAVA_LONG, c.offsets[i], actual * c.multiples[i]);
            }
        }

        @Override
        public MemorySegment input(String label) {
            return view(inputs, label);
        }

        @Override
        public void execute(BooleanSupplier cancelled) {
            checkOpen();
            CpuExecutable.this.execute(cancelled);
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
}
