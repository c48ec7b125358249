package dev.ocellus.device;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.loader.image.ImagePreprocessor;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The processor: one kernel provider and one thread pool. */
public final class CpuDevice implements Device {
    private final KernelProvider provider;
    private final WorkerPool pool;

    /** The provider that {@link KernelProviders} chose and {@link WorkerPool#ofDefaultSize}. */
    public CpuDevice() {
        this(KernelProviders.get(), WorkerPool.ofDefaultSize());
    }

    /**
     * @param pool is closed with the device
     */
    public CpuDevice(KernelProvider provider, WorkerPool pool) {
        this.provider = provider;
        this.pool = pool;
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public String description() {
        return "cpu, "
                + pool.threads()
                + (pool.isPinned() ? " pinned" : "")
                + (pool.threads() == 1 ? " thread, " : " threads, ")
                + provider.description();
    }

    @Override
    public ComputeType preferredCompute() {
        return provider.preferredCompute();
    }

    public KernelProvider provider() {
        return provider;
    }

    public WorkerPool pool() {
        return pool;
    }

    @Override
    public Plan plan(Graph graph, PlanOptions options) {
        for (Node n : graph.nodes()) {
            if (n.op() instanceof Op.Linear l && l.weight().kernelType() == DType.F8) {
                throw new IllegalArgumentException(
                        "the processor has no products with weights of f8, as %s is packed; run on a GPU (--device cuda), or pack the original as q8 (--weights q8)"
                                .formatted(l.weight().name()));
            }
        }
        return Plan.of(graph, options, provider::scratchBytes);
    }

    @Override
    public WeightStore newWeightStore() {
        return new CpuWeightStore(provider, pool);
    }

    @Override
    public MemorySegment allocate(long bytes, Arena arena) {
        return CpuMemory.allocate(bytes, arena);
    }

    @Override
    public MemorySegment allocate(MemorySegment content, Arena arena) {
        return allocate(content.byteSize(), arena).copyFrom(content);
    }

    @Override
    public long busyRows() {
        return 1024;
    }

    @Override
    public boolean choosesTokens() {
        return false;
    }

    @Override
    public ImagePreprocessor preprocessor() {
        return new ImagePreprocessor(provider, pool);
    }

    @Override
    public Executable prepare(Plan plan, WeightStore store) {
        return new CpuExecutable(plan, store, provider, pool);
    }

    @Override
    public void close() {
        pool.close();
    }
}
