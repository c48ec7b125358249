package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.Activation;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * Matrix products of a library. Thread-safe; belongs to one {@link Gpu} and is closed before it.
 *
 * <p>Unlike the project's own kernels, a library may choose another order of the sum for another
 * number of rows: the bits of a row can depend on its company. TF32, float8 and int8 are never
 * chosen by the library: only a product that asks for them uses them.
 */
public interface Blas extends AutoCloseable {
    /**
     * Property that says whose products are used: {@code cublaslt}, {@code jcublas}, {@code none}.
     */
    String PROPERTY = "ocellus.cuda.blas";

    /** Types of the factors and of the result. */
    enum Factors {
        /** float32, sums in float32. */
        F32,
        /** float32 factors cut to TF32: 10 bits of mantissa. */
        TF32,
        /** float16 factors, float32 result. */
        F16,
        /** bfloat16 factors, float32 result. */
        BF16,
        /** int8 factors, int32 result. */
        INT8,
        /** float8 (e4m3) factors with a scale each, float32 result. */
        FP8
    }

    /**
     * The product {@code y = activation(x w^T + bias + beta c)}, row-major: x is [rows, k], w [n,
     * k], c and y [rows, n].
     *
     * @param ldx distance between the rows of x in elements; likewise {@code ldw}, {@code ldy}
     * @param beta 0 (then c is not read) or 1
     * @param ldc distance between the rows of c, or 0 if c is y
     * @param bias whether there is a bias
     */
    record Product(
            Factors factors,
            long rows,
            long n,
            long k,
            long ldx,
            long ldw,
            long ldy,
            float beta,
            long ldc,
            boolean bias,
            Activation activation) {
        @Override
        public String toString() {
            return "%s %d x %d x %d".formatted(factors, rows, n, k);
        }
    }

    /**
     * Places of the operands, all device addresses.
     *
     * @param bias float32 [n]; 0 if there is none
     * @param c of the type of y; the address of y if it is y or beta is 0
     * @param xScale float32 by which every element of x is multiplied, for FP8 alone; else 0
     * @param wScale the same for w
     * @param workspace {@link #workspaceBytes} bytes that only this product uses while it runs,
     *     256-byte aligned
     */
    record Operands(
            long x, long w, long bias, long c, long y, long xScale, long wScale, long workspace) {
        /** Operands without scales, where c is y. */
        static Operands of(long x, long w, long bias, long y, long workspace) {
            return new Operands(x, w, bias, y, y, 0, 0, workspace);
        }
    }

    /**
     * Whose products a GPU uses.
     *
     * @param blas null if the project's own kernels do all; the caller closes it
     * @param description name and version of the library, or why there is none
     */
    record Choice(Blas blas, String description) {}

    /** A way to open a library. */
    enum Provider {
        CUBLASLT {
            @Override
            Blas open(Gpu gpu) {
                return CublasLtBlas.open(gpu);
            }
        },
        JCUBLAS {
            @Override
            Blas open(Gpu gpu) {
                return JcublasBlas.open(gpu);
            }
        };

        abstract Blas open(Gpu gpu);

        private String id() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /**
     * Opens the library that {@link #PROPERTY} names; without the property cuBLASLt, or if that is
     * missing cuBLAS by JCublas, or if that is missing too none.
     *
     * @throws CudaUnavailableException if the one that is named is missing; says what to install
     * @throws IllegalArgumentException if the property has another value
     */
    static Choice choose(Gpu gpu) {
        String wanted = System.getProperty(PROPERTY, "");
        if (wanted.equals("none")) {
            return new Choice(null, "own kernels, as %s=none says".formatted(PROPERTY));
        }
        List<String> reasons = new ArrayList<>();
        for (Provider provider : Provider.values()) {
            if (wanted.isEmpty() || wanted.equals(provider.id())) {
                try {
                    Blas blas = provider.open(gpu);
                    return new Choice(blas, blas.description());
                } catch (CudaUnavailableException e) {
                    if (!wanted.isEmpty()) {
                        throw e;
                    }
                    reasons.add(e.getMessage());
                }
            }
        }
        if (reasons.isEmpty()) {
            throw new IllegalArgumentException(
                    "%s is '%s'; it can be cublaslt, jcublas or none".formatted(PROPERTY, wanted));
        }
        return new Choice(null, "own kernels: " + String.join("; ", reasons));
    }

    /** Short name of the library and its version, for reports. */
    String description();

    /** Whether the library has this product on this GPU. */
    boolean supports(Product product);

    /** Bytes of workspace that every product needs. */
    long workspaceBytes();

    /**
     * Binds a product that is supported to its operands.
     *
     * @param arena keeps what the library needs to know; must live as long as the work is used
     */
    GpuWork bind(Product product, Operands operands, Arena arena);

    @Override
    void close();
}
