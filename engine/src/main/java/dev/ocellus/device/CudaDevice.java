package dev.ocellus.device;

import dev.ocellus.graph.Graph;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.cuda.Blas;
import dev.ocellus.kernels.cuda.CudaKernels;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuInfo;
import dev.ocellus.kernels.cuda.GpuStream;
import dev.ocellus.loader.image.ImagePreprocessor;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A GPU, through its CUDA driver. Weights are packed and images prepared by the host's threads and
 * kernels. After a fault of a kernel every use of this device throws the same {@link
 * dev.ocellus.kernels.cuda.GpuFaultException}; the process and other devices go on.
 */
public final class CudaDevice implements Device {
    /** An address that is aligned as memory is, and not null. */
    private static final long NOWHERE = 1L << 20;

    private final Gpu gpu;
    private final Blas.Choice products;
    private final CudaKernels kernels;
    private final CpuDevice host;

    /**
     * Opens a GPU; the processor's part is that of {@link CpuDevice#CpuDevice()}.
     *
     * @param ordinal its number, in the driver's order
     * @throws dev.ocellus.kernels.cuda.CudaUnavailableException if there is no such GPU, or no
     *     driver, or the GPU is too old; the message says which
     */
    public CudaDevice(int ordinal) {
        gpu = Gpu.open(ordinal);
        try {
            products = Blas.choose(gpu);
            kernels = new CudaKernels(gpu, products.blas());
            host = new CpuDevice();
        } catch (RuntimeException | Error e) {
            gpu.close();
            throw e;
        }
    }

    @Override
    public String name() {
        return "cuda:" + gpu.info().ordinal();
    }

    @Override
    public String description() {
        GpuInfo info = gpu.info();
        return "%s, %s, %.1f GiB, products by %s"
                .formatted(
                        name(),
                        info.name(),
                        info.bytes() / (double) (1L << 30),
                        products.blas() == null ? "own kernels" : products.description());
    }

    /** Whose matrix products are used, and why if they are this project's. */
    public String products() {
        return products.description();
    }

    /** What the driver says of the GPU. */
    public GpuInfo info() {
        return gpu.info();
    }

    /** What the GPU can do at most, measured for some hundredths of a second. */
    public Ceilings ceilings() {
        return CudaCeilings.measure(gpu, products.blas());
    }

    /**
     * Bytes a second of copies from pinned memory of the host to the GPU, measured for some
     * hundredths of a second.
     */
    public double copyInBytesPerSecond() {
        return CudaCeilings.copyIn(gpu);
    }

    /**
     * What a run of a plan launches, in order. Takes no memory and loads no weights, so that models
     * of any size can be asked about; nothing of it can run.
     */
    public List<GpuLaunch> launches(Plan plan) {
        try (Arena arena = Arena.ofShared()) {
            return GpuLaunch.of(plan.bind(NOWHERE, packing -> NOWHERE), kernels, arena);
        }
    }

    /** The GPUs of this machine; as {@link Gpu#list}. */
    public static List<GpuInfo> list() {
        return Gpu.list();
    }

    /** Bytes of the GPU's memory that could be allocated now. */
    public long freeBytes() {
        return gpu.memory().free();
    }

    /** Bytes of the GPU's memory that are in use through this device. */
    public long usedBytes() {
        return gpu.memory().used();
    }

    @Override
    public ComputeType preferredCompute() {
        return kernels.preferredCompute();
    }

    @Override
    public Plan plan(Graph graph, PlanOptions options) {
        return Plan.of(graph, options, kernels::scratchBytes);
    }

    @Override
    public WeightStore newWeightStore() {
        return new CudaWeightStore(gpu, host.provider(), host.pool());
    }

    @Override
    public MemorySegment allocate(long bytes, Arena arena) {
        return CudaMemory.allocate(gpu, bytes, arena, CudaMemory.Use.PAGE);
    }

    @Override
    public MemorySegment allocate(MemorySegment content, Arena arena) {
        MemorySegment memory =
                CudaMemory.allocate(gpu, content.byteSize(), arena, CudaMemory.Use.STATE);
        try (GpuStream stream = gpu.newStream()) {
            stream.copyIn(memory, content);
            stream.synchronize();
        }
        return memory;
    }

    /** Some waves of blocks, so that what the last one leaves idle is little: 16 tiles of 1,025. */
    @Override
    public long busyRows() {
        return 16_400;
    }

    @Override
    public boolean choosesTokens() {
        return true;
    }

    @Override
    public ImagePreprocessor preprocessor() {
        return host.preprocessor();
    }

    @Override
    public Executable prepare(Plan plan, WeightStore store) {
        return new CudaExecutable(plan, store, gpu, kernels);
    }

    @Override
    public void close() {
        if (products.blas() != null) {
            products.blas().close();
        }
        gpu.close();
        host.close();
    }
}
