package dev.ocellus.device;

import dev.ocellus.graph.Value;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.plan.Plan;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/** A plan bound to CPU kernels. */
final class CpuExecutable implements Executable {
    private final Plan plan;
    private final WorkerPool pool;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment memory;
    private final List<List<Launch>> launches;
    private final int[] stepOf;
    private final PlanRun run;
    private final StepGroups steps;
    private volatile Profile profile;

    CpuExecutable(Plan plan, WeightStore store, KernelProvider provider, WorkerPool pool) {
        this.plan = plan;
        this.pool = pool;
        try {
            store.pack(plan.packings(), null);
            memory = CpuMemory.allocate(plan.workspaceBytes(), arena);
            List<Plan.BoundCall> calls = plan.bind(memory.address(), store::address);
            launches =
                    calls.stream().map(c -> provider.bind(c.call(), c.scratch(), arena)).toList();
            stepOf = calls.stream().mapToInt(Plan.BoundCall::step).toArray();
            steps = StepGroups.single(plan);
            run = new PlanRun(plan, memory, this::view, this::execute);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public Plan plan() {
        return plan;
    }

    private MemorySegment view(Value v) {
        return memory.asSlice(plan.offset(v), v.dtype().byteSize(v.shape().elements()));
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
        StepEvent event = recorded ? StepEvent.begin(steps, step) : null;
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
}
