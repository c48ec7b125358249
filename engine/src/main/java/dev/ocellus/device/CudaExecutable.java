package dev.ocellus.device;

import dev.ocellus.kernels.cuda.CudaKernels;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuEvent;
import dev.ocellus.kernels.cuda.GpuGraph;
import dev.ocellus.kernels.cuda.GpuStream;
import dev.ocellus.kernels.cuda.GpuWork;
import dev.ocellus.plan.Plan;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

/**
 * A plan bound to the kernels of a GPU, of which some do several neighbouring steps. The first run
 * enqueues them one by one, which is when libraries load what they need; the second is captured as
 * a graph, which it and all later ones launch: counts are read on the device. Each run waits for
 * the GPU once, at its end.
 */
final class CudaExecutable implements Executable {
    private final Plan plan;
    private final Gpu gpu;
    private final Arena arena = Arena.ofShared();
    private final CudaStaging staging;
    private final GpuStream stream;
    private final List<List<GpuWork>> works;

    /** The steps of each of {@link #works}. */
    private final StepGroups steps;

    private final PlanRun run;

    /** Kept, so that a step allocates nothing. */
    private final Predicate<String> filled;

    private boolean warm;
    private GpuGraph graph;
    private volatile Profile profile;

    CudaExecutable(Plan plan, WeightStore store, Gpu gpu, CudaKernels kernels) {
        this.plan = plan;
        this.gpu = gpu;
        CudaStaging made = null;
        try {
            store.pack(plan.packings(), null);
            MemorySegment memory =
                    CudaMemory.allocate(
                            gpu, plan.workspaceBytes(), arena, CudaMemory.Use.WORKSPACE);
            List<Plan.BoundCall> calls = plan.bind(memory.address(), store::address);
            List<CudaKernels.Bound> bound =
                    kernels.bind(calls.stream().map(CudaExecutable::placed).toList(), arena);
            works = bound.stream().map(CudaKernels.Bound::work).toList();
            steps = new StepGroups(plan, bound.stream().map(CudaKernels.Bound::calls).toList());
            made = new CudaStaging(gpu, plan, memory);
            staging = made;
            stream = gpu.newStream();
            run = new PlanRun(plan, staging.counters(), staging::view, this::execute);
            filled = run::hasAsked;
        } catch (RuntimeException | Error e) {
            if (made != null) {
                made.close();
            }
            arena.close();
            throw e;
        }
    }

    private static CudaKernels.Placed placed(Plan.BoundCall call) {
        return new CudaKernels.Placed(call.call(), call.scratch(), call.onlyNextReads());
    }

    @Override
    public Plan plan() {
        return plan;
    }

    @Override
    public Run begin() {
        return run.begin();
    }

    @Override
    public Profile profile() {
        return profile;
    }

    @Override
    public void profiling(boolean on) {
        profile = on ? new Profile(steps) : null;
    }

    @Override
    public void close() {
        if (run.end()) {
            if (graph != null) {
                graph.close();
            }
            stream.close();
            staging.close();
            arena.close();
        }
    }

    private void execute(BooleanSupplier cancelled) {
        if (cancelled.getAsBoolean()) {
            throw new CancellationException("cancelled");
        }
        Profile p = profile;
        boolean recorded = StepEvent.isOn();
        try {
            staging.copyLargeIn(stream, filled);
            if (p != null || recorded) {
                measured(p, recorded, cancelled);
            } else if (warm) {
                graph().enqueue(stream);
            } else {
                enqueueAll();
            }
            staging.copyLargeOut(stream);
        } finally {
            // Also after a failure: what was enqueued must not outlive this use of the memory.
            stream.synchronize();
        }
        warm = true;
    }

    private void enqueueAll() {
        staging.copySmallIn(stream);
        for (List<GpuWork> call : works) {
            call.forEach(w -> w.enqueue(stream));
        }
        staging.copySmallOut(stream);
    }

    private GpuGraph graph() {
        if (graph == null) {
            stream.beginCapture();
            try {
                enqueueAll();
            } catch (RuntimeException | Error e) {
                abandonCapture(e);
                throw e;
            }
            graph = stream.endCapture();
        }
        return graph;
    }

    private void abandonCapture(Throwable failure) {
        try {
            stream.endCapture().close();
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }

    /**
     * Runs the groups of steps one by one, so that each has a time of its own, taken on the GPU.
     */
    private void measured(Profile p, boolean recorded, BooleanSupplier cancelled) {
        if (p != null) {
            p.begin();
        }
        staging.copySmallIn(stream);
        try (GpuEvent before = gpu.newEvent();
                GpuEvent after = gpu.newEvent()) {
            for (int i = 0; i < works.size(); i++) {
                if (cancelled.getAsBoolean()) {
                    throw new CancellationException("cancelled");
                }
                measure(i, p, recorded, before, after);
            }
        }
        staging.copySmallOut(stream);
        if (p != null) {
            p.end();
        }
    }

    private void measure(int group, Profile p, boolean recorded, GpuEvent before, GpuEvent after) {
        StepEvent event = recorded ? StepEvent.begin(steps, group) : null;
        long start = System.nanoTime();
        stream.record(before);
        works.get(group).forEach(w -> w.enqueue(stream));
        stream.record(after);
        stream.synchronize();
        if (event != null) {
            event.commit();
        }
        if (p != null) {
            p.add(group, start, (long) (after.millisecondsSince(before) * 1e6));
        }
    }
}
