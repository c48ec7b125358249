package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How cuBLAS and cuBLASLt name the types of a product (cudaDataType, cublasComputeType_t).
 *
 * @param factor of both factors
 * @param result of the result, and of the factors alpha and beta
 * @param compute of the sums
 * @param elementBytes bytes of an element of a factor
 */
record CublasTypes(int factor, int result, int compute, int elementBytes) {
    static final int R_32F = 0;
    private static final int R_16F = 2;
    private static final int R_8I = 3;
    private static final int R_32I = 10;
    private static final int R_16BF = 14;
    private static final int R_8F_E4M3 = 28;

    private static final int COMPUTE_32F = 68;
    private static final int COMPUTE_32I = 72;
    private static final int COMPUTE_32F_FAST_TF32 = 77;

    static final int OPERATION_N = 0;
    static final int OPERATION_T = 1;

    static CublasTypes of(Blas.Factors factors) {
        return switch (factors) {
            case F32 -> new CublasTypes(R_32F, R_32F, COMPUTE_32F, 4);
            case TF32 -> new CublasTypes(R_32F, R_32F, COMPUTE_32F_FAST_TF32, 4);
            case F16 -> new CublasTypes(R_16F, R_32F, COMPUTE_32F, 2);
            case BF16 -> new CublasTypes(R_16BF, R_32F, COMPUTE_32F, 2);
            case INT8 -> new CublasTypes(R_8I, R_32I, COMPUTE_32I, 1);
            case FP8 -> new CublasTypes(R_8F_E4M3, R_32F, COMPUTE_32F, 1);
        };
    }

    /** The version that a library of CUDA 12 or 13 says as a number: 130100 is 13.1.0. */
    static String version(long number) {
        return "%d.%d.%d".formatted(number / 10_000, number / 100 % 100, number % 100);
    }

    /** A factor of the whole product, in host memory. */
    MemorySegment scalar(float value, Arena arena) {
        return result == R_32I
                ? arena.allocateFrom(JAVA_INT, (int) value)
                : arena.allocateFrom(JAVA_FLOAT, value);
    }

    /**
     * Whether rows of bytes lie as tensor cores need them: the only way to multiply int8 and
     * float8.
     *
     * @param step bytes, of which rows and distances have to be multiples
     */
    boolean aligned(Blas.Product p, int step) {
        return elementBytes > 1
                || p.k() % step == 0
                        && p.ldx() % step == 0
                        && p.ldw() % step == 0
                        && p.ldy() % (step / 4) == 0
                        && p.n() % step == 0;
    }
}
