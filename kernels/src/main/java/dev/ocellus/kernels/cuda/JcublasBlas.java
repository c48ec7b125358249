package dev.ocellus.kernels.cuda;

import static jcuda.jcublas.JCublas2.cublasCreate;
import static jcuda.jcublas.JCublas2.cublasDestroy;
import static jcuda.jcublas.JCublas2.cublasGemmEx_new;
import static jcuda.jcublas.JCublas2.cublasGetVersion;
import static jcuda.jcublas.JCublas2.cublasSetStream;
import static jcuda.jcublas.JCublas2.cublasSetWorkspace;

import dev.ocellus.kernels.Activation;

import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.jcublas.cublasHandle;
import jcuda.runtime.cudaStream_t;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;

/**
 * Products of cuBLAS of CUDA 12, or of CUDA 13 behind a library with the name of 12, called through
 * JCublas. Products are plain: no bias, no activation, no float8, and c is y.
 */
final class JcublasBlas implements Blas {
    private static final String LIBRARY = "libcublas.so.12";
    private static final int DEFAULT_ALGORITHM = -1;
    private static final int INT8_STEP = 4;
    private static final long HOPPER_WORKSPACE = 32L << 20;
    private static final long WORKSPACE = 8L << 20;

    private final Gpu gpu;
    private final long workspaceBytes;

    /** Of one stream and one workspace at a time: guarded by itself. */
    private final cublasHandle handle;

    private boolean closed;

    /** One product, bound; the scalars are in the host's memory. */
    private record Work(
            JcublasBlas blas,
            Product product,
            CublasTypes types,
            Pointer alpha,
            Pointer beta,
            CUdeviceptr x,
            CUdeviceptr w,
            CUdeviceptr y,
            CUdeviceptr workspace)
            implements GpuWork {
        @Override
        public void enqueue(GpuStream stream) {
            stream.enter(name());
            blas.multiply(this, stream);
        }

        @Override
        public String name() {
            return "cublas " + product;
        }
    }

    /**
     * Opens the library for a GPU.
     *
     * @throws CudaUnavailableException if it is missing
     */
    static JcublasBlas open(Gpu gpu) {
        return open(gpu, gpu.info().computeMajor() >= 9 ? HOPPER_WORKSPACE : WORKSPACE);
    }

    static JcublasBlas open(Gpu gpu, long workspaceBytes) {
        requireLibrary();
        gpu.enter();
        cublasHandle handle = new cublasHandle();
        check(cublasCreate(handle), "cublasCreate");
        return new JcublasBlas(gpu, handle, workspaceBytes);
    }

    private JcublasBlas(Gpu gpu, cublasHandle handle, long workspaceBytes) {
        this.gpu = gpu;
        this.handle = handle;
        this.workspaceBytes = workspaceBytes;
    }

    /** Looked for before JCublas does, whose message would be a page long. */
    private static void requireLibrary() {
        try {
            SymbolLookup.libraryLookup(LIBRARY, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new CudaUnavailableException(
                    "no cuBLAS: %s cannot be loaded; install the libraries of CUDA 12, or name the file with -D%s=..."
                            .formatted(LIBRARY, CudaLibraries.PRELOAD_PROPERTY),
                    e);
        }
        try {
            Class.forName("jcuda.jcublas.JCublas2");
        } catch (ClassNotFoundException e) {
            throw new CudaUnavailableException(
                    "JCublas is not on the class path; add org.jcuda:jcublas and its natives for"
                            + " this system",
                    e);
        } catch (UnsatisfiedLinkError | ExceptionInInitializerError | NoClassDefFoundError e) {
            throw new CudaUnavailableException(
                    "JCublas's native library cannot be loaded; add org.jcuda:jcublas-natives with"
                            + " the classifier of this system",
                    e);
        }
    }

    @Override
    public String description() {
        int[] version = new int[1];
        synchronized (handle) {
            gpu.enter();
            check(cublasGetVersion(handle, version), "cublasGetVersion");
        }
        return "cuBLAS " + CublasTypes.version(version[0]) + " through JCublas";
    }

    @Override
    public boolean supports(Product p) {
        return !p.bias()
                && p.activation() == Activation.NONE
                && p.ldc() == 0
                && p.factors() != Factors.FP8
                && (p.factors() != Factors.INT8
                        || CublasTypes.of(p.factors()).aligned(p, INT8_STEP));
    }

    @Override
    public long workspaceBytes() {
        return workspaceBytes;
    }

    @Override
    public GpuWork bind(Product product, Operands at, Arena arena) {
        CublasTypes types = CublasTypes.of(product.factors());
        MemorySegment alpha = types.scalar(1, arena);
        MemorySegment beta = types.scalar(product.beta(), arena);
        return new Work(
                this,
                product,
                types,
                Addresses.host(alpha),
                Addresses.host(beta),
                Addresses.device(at.x()),
                Addresses.device(at.w()),
                Addresses.device(at.y()),
                Addresses.device(at.workspace()));
    }

    /**
     * The library's matrices are column-major: it sees {@code y^T = w x^T}, with w transposed and
     * the rest as it is.
     */
    private void multiply(Work work, GpuStream stream) {
        Product p = work.product;
        CublasTypes types = work.types;
        synchronized (handle) {
            check(
                    cublasSetStream(handle, new cudaStream_t(stream.jcudaStream())),
                    "cublasSetStream");
            // After the stream, which brings back the library's own workspace.
            check(cublasSetWorkspace(handle, work.workspace, workspaceBytes), "cublasSetWorkspace");
            check(
                    cublasGemmEx_new(
                            handle,
                            CublasTypes.OPERATION_T,
                            CublasTypes.OPERATION_N,
                            Math.toIntExact(p.n()),
                            Math.toIntExact(p.rows()),
                            Math.toIntExact(p.k()),
                            work.alpha,
                            work.w,
                            types.factor(),
                            Math.toIntExact(p.ldw()),
                            work.x,
                            types.factor(),
                            Math.toIntExact(p.ldx()),
                            work.beta,
                            work.y,
                            types.result(),
                            Math.toIntExact(p.ldy()),
                            types.compute(),
                            DEFAULT_ALGORITHM),
                    work.name());
        }
    }

    private static void check(int status, String call) {
        if (status != 0) {
            throw new CudaException(call + " failed with " + CublasStatus.name(status));
        }
    }

    @Override
    public void close() {
        synchronized (handle) {
            if (!closed && gpu.enterToFree()) {
                cublasDestroy(handle);
            }
            closed = true;
        }
    }
}
