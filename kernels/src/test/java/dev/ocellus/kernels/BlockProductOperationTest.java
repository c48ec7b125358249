package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.MatMulOperationTest.Size;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/** What products with weights of block types promise beyond those with floats. */
class BlockProductOperationTest {
    private static final List<Size> SIZES =
            List.of(
                    new Size(1, 1, 1),
                    new Size(3, 17, 31),
                    new Size(1, 40, 64),
                    new Size(13, 33, 65),
                    new Size(5, 48, 130),
                    new Size(25, 70, 577),
                    new Size(1, 16, 2080));

    @ParameterizedTest(name = "{0}")
    @MethodSource("dev.ocellus.kernels.OperationCheck#settings")
    void sumIsOneChainOverBlocks(Setting setting) {
        for (DType type : BlockMatrix.types(setting.provider())) {
            for (Size size : SIZES) {
                for (float factor : new float[] {1, 0, 1e-30f, 1e-33f, 1e30f}) {
                    OperationCheck.check(
                            setting, 6, (ops, rnd) -> chain(type, size, factor, ops, rnd));
                }
            }
        }
    }

    /**
     * Blocks of so many and so long rows that they do not stay in the cache beside the weights,
     * which changes the order of the units: sizes for tiles of 12 rows and of 4.
     */
    @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
    @MethodSource("nativeSettings")
    void manyLongRows(Setting setting) {
        for (DType type : List.of(DType.Q8, DType.Q4)) {
            for (Size size : List.of(new Size(97, 70, 4416), new Size(33, 70, 13184))) {
                OperationCheck.check(setting, 7, (ops, rnd) -> chain(type, size, 1, ops, rnd));
            }
        }
    }

    static Stream<Setting> nativeSettings() {
        return OperationCheck.settings()
                .filter(s -> s.provider().name().equals("native"))
                .filter(s -> s.placement() == Placement.ENDS_AT_GUARD);
    }

    static Trial chain(
            DType type, Size size, float factor, Operands operands, RandomGenerator random) {
        Matrix x = operands.random(size.rows(), size.k(), random);
        for (long r = 0; r < size.rows(); r++) {
            for (long i = 0; i < size.k(); i++) {
                x.set(r, i, x.get(r, i) * factor);
            }
        }
        BlockMatrix w = BlockMatrix.random(type, (int) size.n(), (int) size.k(), random);
        MatMul call = call(type, x, w.packed(operands).address(), 0, size.n(), size, 0);
        BlockRows rounded = BlockRows.of(x, type);
        return MatMulOperationTest.trial(
                "MatMul chain %s %s times %s".formatted(type, size, factor),
                call,
                null,
                (r, j) -> rounded.chain(r, w, j),
                (r, j) -> rounded.chainError(r, w, j));
    }

    static MatMul call(DType type, Matrix x, long w, long out, long ldo, Size size, long gated) {
        return new MatMul(
                x.address(),
                x.ld(),
                w,
                type,
                0,
                0,
                0,
                0,
                out,
                ldo,
                size.rows(),
                0,
                size.n(),
                size.k(),
                ComputeType.ofBlocks(type),
                Activation.NONE,
                gated);
    }

    /** Of normally distributed factors, by the size of the rounding steps of both. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("dev.ocellus.kernels.OperationCheck#providers")
    void productsAreCloseToThoseOfTheFloats(KernelProvider provider) {
        assertThat(relativeError(provider, DType.Q8)).isBetween(0.004, 0.010);
        assertThat(relativeError(provider, DType.Q4)).isBetween(0.060, 0.090);
        if (BlockMatrix.types(provider).contains(DType.F8)) {
            assertThat(relativeError(provider, DType.F8)).isBetween(0.020, 0.032);
        }
    }

    /** Root of the mean squared error of a product, as a part of that of the result. */
    private static double relativeError(KernelProvider provider, DType type) {
        Size size = new Size(20, 100, 300);
        RandomGenerator random = new SplittableRandom(12);
        try (Operands operands = new Operands(provider, Placement.STARTS_AT_GUARD)) {
            Matrix x = operands.random(size.rows(), size.k(), random);
            Matrix w = operands.dense(size.n(), size.k(), random);
            Matrix out = packAndMultiply(provider, type, operands, x, w);
            double error = 0;
            double power = 0;
            for (long r = 0; r < size.rows(); r++) {
                for (long j = 0; j < size.n(); j++) {
                    long row = r;
                    long col = j;
                    double exact =
                            Oracle.sum(size.k(), i -> (double) x.get(row, i) * w.get(col, i));
                    error += Math.pow(out.get(r, j) - exact, 2);
                    power += exact * exact;
                }
            }
            return Math.sqrt(error / power);
        }
    }

    private static Matrix packAndMultiply(
            KernelProvider provider, DType type, Operands operands, Matrix x, Matrix w) {
        Size size = new Size(x.rows(), w.rows(), w.cols());
        RandomGenerator random = new SplittableRandom(15);
        Matrix out = operands.matrix(size.rows(), size.n(), size.n());
        MemorySegment packed = operands.bytes(Panels.bytes(type, size.n(), size.k()), 64);
        OperationCheck.run(
                OperationCheck.packer(provider),
                operands,
                new KernelCall.PackPanels(
                        w.address(),
                        DType.F32,
                        packed.address(),
                        type,
                        0,
                        1,
                        size.n(),
                        0,
                        size.k()),
                random);
        OperationCheck.run(
                provider,
                operands,
                call(type, x, packed.address(), out.address(), out.ld(), size, 0),
                random);
        return out;
    }

    /** What is no number shows in the row it is in, and nowhere else. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("dev.ocellus.kernels.OperationCheck#providers")
    void activationsThatAreNotFiniteShow(KernelProvider provider) {
        Size size = new Size(14, 20, 70);
        for (DType type : BlockMatrix.types(provider)) {
            for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                RandomGenerator random = new SplittableRandom(13);
                try (Operands operands = new Operands(provider, Placement.STARTS_AT_GUARD)) {
                    Matrix x = operands.random(size.rows(), size.k(), random);
                    x.set(3, 66, bad);
                    BlockMatrix w = BlockMatrix.random(type, 20, 70, random);
                    Matrix out = operands.matrix(size.rows(), size.n(), size.n());
                    long packed = w.packed(operands).address();
                    OperationCheck.run(
                            provider,
                            operands,
                            call(type, x, packed, out.address(), out.ld(), size, 0),
                            random);
                    for (long r = 0; r < size.rows(); r++) {
                        for (long j = 0; j < size.n(); j++) {
                            assertThat(Float.isFinite(out.get(r, j))).isEqualTo(r != 3);
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("dev.ocellus.kernels.OperationCheck#providers")
    void weightsThatAreNotFiniteShow(KernelProvider provider) {
        Size size = new Size(2, 20, 70);
        for (DType type : BlockMatrix.types(provider)) {
            for (float bad : new float[] {Float.NaN, Float.NEGATIVE_INFINITY, 1e9f}) {
                RandomGenerator random = new SplittableRandom(14);
                try (Operands operands = new Operands(provider, Placement.STARTS_AT_GUARD)) {
                    Matrix x = operands.random(size.rows(), size.k(), random);
                    Matrix w = operands.dense(size.n(), size.k(), random);
                    w.set(17, 40, bad);
                    Matrix out = packAndMultiply(provider, type, operands, x, w);
                    for (long r = 0; r < size.rows(); r++) {
                        for (long j = 0; j < size.n(); j++) {
                            assertThat(Float.isFinite(out.get(r, j)))
                                    .as("%s %s row %d column %d", type, bad, r, j)
                                    .isEqualTo(j != 17);
                        }
                    }
                }
            }
        }
    }

    /** Rows of activations rounded as the compute type of the weights says. */
    record BlockRows(DType weights, float[][] elements, float[][] scales) {
        static BlockRows of(Matrix x, DType weights) {
            int k = (int) x.cols();
            float[][] q = new float[(int) x.rows()][k];
            float[][] scales = new float[(int) x.rows()][(k + 31) / 32];
            for (int r = 0; r < x.rows(); r++) {
                for (int b = 0; b < k; b += 32) {
                    float m = 0;
                    for (int i = b; i < Math.min(b + 32, k); i++) {
                        m = Math.max(m, Math.abs(x.get(r, i)));
                    }
                    if (m >= 0x1p-100) {
                        float unit = Math.scalb(1f, Math.getExponent(m) - 14);
                        scales[r][b / 32] = weights == DType.F8 ? unit : m / 127;
                        for (int i = b; i < Math.min(b + 32, k); i++) {
                            q[r][i] =
                                    weights == DType.F8
                                            ? halfOf(x.get(r, i) / unit)
                                            : (float) Math.rint(x.get(r, i) * (127 / m));
                        }
                    }
                }
            }
            return new BlockRows(weights, q, scales);
        }

        private static float halfOf(float x) {
            return Float.float16ToFloat(Float.floatToFloat16(x));
        }

        float q(long row, long column) {
            return elements[(int) row][(int) column];
        }

        float scale(long row, long column) {
            return scales[(int) row][(int) column / 32];
        }

        /** The product of a row with a row of weights: one chain over blocks. */
        float chain(long row, BlockMatrix w, long weightRow) {
            float sum = 0;
            for (long b = 0; b < w.k(); b += 32) {
                float dot = (float) dot(row, w, weightRow, b, false);
                sum = Math.fma(dot * w.scale(weightRow, b), scale(row, b), sum);
            }
            return sum;
        }

        /** Of integers none; else what blocks summed in any order and cut at each step may add. */
        double chainError(long row, BlockMatrix w, long weightRow) {
            if (weights != DType.F8) {
                return 0;
            }
            double terms = 0;
            for (long b = 0; b < w.k(); b += 32) {
                double scale = (double) w.scale(weightRow, b) * scale(row, b);
                terms += dot(row, w, weightRow, b, true) * Math.abs(scale);
            }
            return (2 * 32 + 2 + (w.k() + 31) / 32) * Oracle.U * terms;
        }

        private double dot(long row, BlockMatrix w, long weightRow, long block, boolean absolute) {
            double dot = 0;
            for (long i = block; i < Math.min(block + 32, w.k()); i++) {
                double product = (double) q(row, i) * w.q(weightRow, i);
                dot += absolute ? Math.abs(product) : product;
            }
            return dot;
        }

        double value(long row, long column) {
            return (double) q(row, column) * scale(row, column);
        }
    }
}
