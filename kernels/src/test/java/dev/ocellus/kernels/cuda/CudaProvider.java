package dev.ocellus.kernels.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * The CUDA kernels as a provider for the operation tests, on the software GPU or a real one. A call
 * becomes one launch of one unit, which runs the work on a stream and waits for it. Operands lie in
 * host memory that the GPU reaches at the same addresses, once it has been {@link #register}ed.
 *
 * <p>The GPU is opened when it is first used, so that a test that wants it is skipped where there
 * is none, and again after a fault. For one thread at a time.
 */
public final class CudaProvider implements KernelProvider {
    /** Makes the library that does the products; with null the project's own kernels do. */
    private final Function<Gpu, Blas> library;

    private final String description;

    /** Whether attention may be that of compute capability 9.0, where the GPU has it. */
    private final boolean hopper;

    private Gpu gpu;
    private GpuStream stream;
    private CudaKernels kernels;

    /** With the project's own kernels for all GPUs alone. */
    public CudaProvider() {
        this("own kernels", null, false);
    }

    private CudaProvider(String description, Function<Gpu, Blas> library, boolean hopper) {
        this.description = description;
        this.library = library;
        this.hopper = hopper;
    }

    /** With the kernels for compute capability 9.0. */
    public static CudaProvider withHopper() {
        return new CudaProvider("own kernels for compute capability 9.0", null, true);
    }

    /** With cuBLASLt and the kernels for compute capability 9.0, as a device has them. */
    static CudaProvider complete() {
        return new CudaProvider("all", gpu -> CublasLtBlas.open(gpu, 1 << 12), true);
    }

    /** With each library, and with little workspace, as it is filled before every call. */
    public static List<CudaProvider> withLibraries() {
        long workspace = 1 << 12;
        return List.of(
                new CudaProvider("cuBLASLt", gpu -> CublasLtBlas.open(gpu, workspace), false),
                new CudaProvider("cuBLAS", gpu -> JcublasBlas.open(gpu, workspace), false));
    }

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String description() {
        return description;
    }

    /**
     * Whether a row's bits can depend on the number of rows: products may be a library's, or
     * attention the kernels' for many rows on compute capability 9.0.
     */
    public boolean companyMayCount() {
        return library != null || hopper;
    }

    /**
     * Skips the calling test where there is no GPU, or where the kernels have not been compiled.
     */
    static void requireKernels() {
        SoftGpu.require();
        assumeTrue(
                CudaKernels.class.getResource("pointwise.ptx") != null,
                "the CUDA kernels have no PTX; make it with kernels/cuda/ptx.sh");
    }

    /** Opens the GPU, or skips the calling test. */
    public synchronized void require() {
        if (gpu == null) {
            requireKernels();
            gpu = Gpu.open(0);
            assumeTrue(
                    !hopper || gpu.info().computeCapability() == 90,
                    "the GPU is not of compute capability 9.0");
            Blas blas = library == null ? null : library.apply(gpu);
            stream = gpu.newStream();
            kernels = new CudaKernels(gpu, blas, hopper);
        }
    }

    /** Lets the GPU reach host memory, whole pages. */
    public void register(MemorySegment pages) {
        require();
        HostPages.register(gpu, pages);
    }

    public void unregister(MemorySegment pages) {
        require();
        HostPages.unregister(gpu, pages);
    }

    /** Tells the GPU that registered memory holds nothing that a kernel may read. */
    public void unwritten(MemorySegment memory) {
        require();
        SoftGpu.unwritten(memory);
    }

    /** Host memory that the GPU reaches, for one thread. */
    public Arena arena() {
        require();
        return new RegisteredArena(this);
    }

    @Override
    public ComputeType preferredCompute() {
        require();
        return kernels.preferredCompute();
    }

    @Override
    public long scratchBytes(KernelCall call) {
        require();
        return kernels.scratchBytes(call);
    }

    @Override
    public List<Launch> bind(KernelCall call, long scratch, Arena arena) {
        require();
        List<GpuWork> work = kernels.bind(call, scratch, arena);
        return List.of(
                new Launch() {
                    @Override
                    public long units() {
                        return 1;
                    }

                    @Override
                    public void run(long begin, long end) {
                        if (begin < end) {
                            runAll(work);
                        }
                    }
                });
    }

    /**
     * Runs calls that follow one another, of whose results only the last ones are wanted, as a plan
     * does: some together, where there is a kernel for that.
     *
     * @return names of the kernels that ran
     */
    List<String> runTogether(List<KernelCall> calls) {
        return runPlaced(calls, true);
    }

    /**
     * As {@link #runTogether}, but of what each call writes others than the next one may be in
     * need.
     */
    List<String> runApart(List<KernelCall> calls) {
        return runPlaced(calls, false);
    }

    private List<String> runPlaced(List<KernelCall> calls, boolean onlyNextReads) {
        try (Arena arena = arena()) {
            List<CudaKernels.Placed> placed =
                    calls.stream()
                            .map(c -> new CudaKernels.Placed(c, scratch(c, arena), onlyNextReads))
                            .toList();
            List<GpuWork> work =
                    kernels.bind(placed, arena).stream().flatMap(b -> b.work().stream()).toList();
            runAll(work);
            return work.stream().map(GpuWork::name).toList();
        }
    }

    /** Runs each call on its own. */
    void runSingly(List<KernelCall> calls) {
        try (Arena arena = arena()) {
            for (KernelCall call : calls) {
                runAll(kernels.bind(call, scratch(call, arena), arena));
            }
        }
    }

    /** Runs a norm and the product of its result as one, if there is work for that. */
    Optional<List<String>> runNormed(KernelCall.RmsNorm norm, KernelCall.MatMul product) {
        try (Arena arena = arena()) {
            Optional<List<GpuWork>> work =
                    new MatMulKernels(gpu, null).normed(norm, product, arena);
            work.ifPresent(this::runAll);
            return work.map(all -> all.stream().map(GpuWork::name).toList());
        }
    }

    private long scratch(KernelCall call, Arena arena) {
        long bytes = scratchBytes(call);
        return bytes == 0 ? 0 : arena.allocate(bytes, GpuMemory.ALIGNMENT).address();
    }

    private void runAll(List<GpuWork> work) {
        try {
            work.forEach(w -> w.enqueue(stream));
            stream.synchronize();
        } catch (GpuFaultException e) {
            close();
            String found = SoftGpu.isReal() ? "" : "; " + SoftGpu.lastFault();
            throw new AssertionError(e.getMessage() + found, e);
        }
    }

    /** What belongs to it ends with it. */
    private synchronized void close() {
        gpu.close();
        gpu = null;
    }
}
