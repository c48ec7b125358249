package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.Activation;

/**
 * Matrix products of a library. Thread-safe; belongs to one {@link Gpu} and is closed before it.
 *
 * <p>Unlike the project's own kernels, a library may choose another order of the sum for another
 * number of rows: the bits of a row can depend on its company.
 */
public interface Blas extends AutoCloseable {
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
        /** float8 (e4m3) factors, float32 result. */
        FP8
    }

    /**
     * The product {@code y = activation(x w^T + bias) + beta y}, row-major: x is [rows, k], w [n,
     * k], y [rows, n].
     *
     * @param ldx distance between the rows of x in elements; likewise {@code ldw}, {@code ldy}
     * @param beta 0 (then y is not read) or 1
     * @param bias whether there is a bias, float32 [n]
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
            boolean bias,
            Activation activation) {}

    /** Short name of the library and its version, for reports. */
    String description();

    /** Whether the library has this product on this GPU. */
    boolean supports(Product product);

    /**
     * Binds a product to its operands, all device addresses.
     *
     * @param bias 0 if there is none
     */
    GpuWork bind(Product product, long x, long w, long bias, long y);

    @Override
    void close();
}
