package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.Activation;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;

/**
 * Products of cuBLASLt, called through java.lang.foreign: with bias, ReLU and the tanh form of GELU
 * in the product itself, and float8 from compute capability 8.9 on. The algorithm of a product is
 * chosen by the library's heuristic once for its shape and the alignment of its operands.
 */
final class CublasLtBlas implements Blas {
    private static final int PRODUCT_TRANSPOSE_A = 3;
    private static final int PRODUCT_EPILOGUE = 7;
    private static final int PRODUCT_BIAS = 8;
    private static final int PRODUCT_A_SCALE = 17;
    private static final int PRODUCT_B_SCALE = 18;
    private static final int PRODUCT_BIAS_TYPE = 26;

    private static final int PREFERENCE_WORKSPACE = 1;
    private static final int PREFERENCE_ALIGNMENT_A = 5;
    private static final int PREFERENCE_ALIGNMENT_B = 6;
    private static final int PREFERENCE_ALIGNMENT_C = 7;
    private static final int PREFERENCE_ALIGNMENT_D = 8;

    private static final int EPILOGUE_DEFAULT = 1;
    private static final int EPILOGUE_RELU = 2;
    private static final int EPILOGUE_BIAS = 4;
    private static final int EPILOGUE_GELU = 32;

    private static final int FP8_CAPABILITY = 89;
    private static final int FP8_STEP = 16;
    private static final int INT8_STEP = 4;

    /** The largest alignment that the library asks about. */
    private static final int MAX_ALIGNMENT = 256;

    /** What NVIDIA advises: on Hopper, and before. */
    private static final long HOPPER_WORKSPACE = 32L << 20;

    private static final long WORKSPACE = 8L << 20;

    private final Gpu gpu;
    private final CublasLtLibrary library;
    private final long handle;
    private final long workspaceBytes;
    private final Arena arena = Arena.ofShared();
    private final Map<Shape, CublasLtLibrary.Algorithm> algorithms = new ConcurrentHashMap<>();

    /** What an algorithm is chosen for. */
    private record Shape(Product product, int alignX, int alignW, int alignC, int alignY) {
        static Shape of(Product product, Operands at) {
            return new Shape(
                    product,
                    alignment(at.x()),
                    alignment(at.w()),
                    alignment(at.c()),
                    alignment(at.y()));
        }

        private static int alignment(long address) {
            return (int) Math.min(MAX_ALIGNMENT, Long.lowestOneBit(address));
        }
    }

    /** One product, bound. */
    private record Work(
            CublasLtBlas blas,
            Product product,
            CublasLtLibrary.Description description,
            CublasLtLibrary.Algorithm algorithm,
            MemorySegment alpha,
            MemorySegment beta,
            Operands at)
            implements GpuWork {
        @Override
        public void enqueue(GpuStream stream) {
            stream.enter(name());
            blas.library.multiply(
                    blas.handle, description, alpha, beta, at, algorithm, stream.handle());
        }

        @Override
        public String name() {
            return "cublasLt " + product;
        }
    }

    /**
     * Opens the library for a GPU.
     *
     * @throws CudaUnavailableException if it is missing
     */
    static CublasLtBlas open(Gpu gpu) {
        return open(gpu, gpu.info().computeMajor() >= 9 ? HOPPER_WORKSPACE : WORKSPACE);
    }

    static CublasLtBlas open(Gpu gpu, long workspaceBytes) {
        CublasLtLibrary library = CublasLtLibrary.open();
        gpu.enter();
        return new CublasLtBlas(gpu, library, library.create(), workspaceBytes);
    }

    private CublasLtBlas(Gpu gpu, CublasLtLibrary library, long handle, long workspaceBytes) {
        this.gpu = gpu;
        this.library = library;
        this.handle = handle;
        this.workspaceBytes = workspaceBytes;
    }

    @Override
    public String description() {
        return "cuBLASLt " + CublasTypes.version(library.version());
    }

    @Override
    public boolean supports(Product p) {
        return switch (p.factors()) {
            case F32, TF32, F16, BF16 -> epilogue(p.activation()) >= 0;
            case INT8 -> plain(p) && CublasTypes.of(p.factors()).aligned(p, INT8_STEP);
            case FP8 ->
                    gpu.info().computeCapability() >= FP8_CAPABILITY
                            && plain(p)
                            && p.rows() % FP8_STEP == 0
                            && CublasTypes.of(p.factors()).aligned(p, FP8_STEP);
        };
    }

    private static boolean plain(Product p) {
        return !p.bias() && p.activation() == Activation.NONE;
    }

    /** What the library adds to the sums for an activation; -1 if it has none such. */
    private static int epilogue(Activation activation) {
        return switch (activation) {
            case NONE -> 0;
            case RELU -> EPILOGUE_RELU;
            case GELU_TANH -> EPILOGUE_GELU;
            case GELU, QUICK_GELU, SILU -> -1;
        };
    }

    @Override
    public long workspaceBytes() {
        return workspaceBytes;
    }

    @Override
    public GpuWork bind(Product product, Operands at, Arena arena) {
        gpu.enter();
        CublasTypes types = CublasTypes.of(product.factors());
        CublasLtLibrary.Description description = describe(product, at, types, arena);
        CublasLtLibrary.Algorithm algorithm =
                algorithms.computeIfAbsent(
                        Shape.of(product, at), shape -> choose(shape, description));
        return new Work(
                this,
                product,
                description,
                algorithm,
                types.scalar(1, arena),
                types.scalar(product.beta(), arena),
                at);
    }

    /**
     * The library's matrices are column-major: it sees {@code y^T = w x^T}, with w transposed and
     * the rest as it is.
     */
    private CublasLtLibrary.Description describe(
            Product p, Operands at, CublasTypes types, Arena arena) {
        long product =
                kept(
                        library.product(types.compute(), types.result()),
                        arena,
                        library::destroyProduct);
        library.setProduct(product, PRODUCT_TRANSPOSE_A, CublasTypes.OPERATION_T);
        int epilogue = epilogue(p.activation()) + (p.bias() ? EPILOGUE_BIAS : 0);
        library.setProduct(product, PRODUCT_EPILOGUE, epilogue == 0 ? EPILOGUE_DEFAULT : epilogue);
        if (p.bias()) {
            library.setProduct(product, PRODUCT_BIAS, at.bias());
            library.setProduct(product, PRODUCT_BIAS_TYPE, CublasTypes.R_32F);
        }
        if (p.factors() == Factors.FP8) {
            library.setProduct(product, PRODUCT_A_SCALE, at.wScale());
            library.setProduct(product, PRODUCT_B_SCALE, at.xScale());
        }
        return new CublasLtLibrary.Description(
                product,
                layout(types.factor(), p.k(), p.n(), p.ldw(), arena),
                layout(types.factor(), p.k(), p.rows(), p.ldx(), arena),
                layout(types.result(), p.n(), p.rows(), p.ldc() == 0 ? p.ldy() : p.ldc(), arena),
                layout(types.result(), p.n(), p.rows(), p.ldy(), arena));
    }

    private long layout(int type, long rows, long columns, long ld, Arena arena) {
        return kept(library.layout(type, rows, columns, ld), arena, library::destroyLayout);
    }

    /** Lets the library free its object when the arena closes. */
    private static long kept(long object, Arena arena, LongConsumer destroy) {
        MemorySegment.ofAddress(object)
                .reinterpret(arena, segment -> destroy.accept(segment.address()));
        return object;
    }

    private CublasLtLibrary.Algorithm choose(Shape shape, CublasLtLibrary.Description description) {
        long preference = library.preference();
        try {
            library.setPreference(preference, PREFERENCE_WORKSPACE, workspaceBytes);
            library.setPreference(preference, PREFERENCE_ALIGNMENT_A, shape.alignW);
            library.setPreference(preference, PREFERENCE_ALIGNMENT_B, shape.alignX);
            library.setPreference(preference, PREFERENCE_ALIGNMENT_C, shape.alignC);
            library.setPreference(preference, PREFERENCE_ALIGNMENT_D, shape.alignY);
            CublasLtLibrary.Algorithm algorithm =
                    library.algorithm(handle, description, preference, arena);
            if (algorithm == null) {
                throw new CudaException(
                        "%s has no algorithm for %s; choose another library or none with -D%s"
                                .formatted(description(), shape.product, PROPERTY));
            }
            return algorithm;
        } finally {
            library.destroyPreference(preference);
        }
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
            library.destroy(handle);
        }
    }
}
