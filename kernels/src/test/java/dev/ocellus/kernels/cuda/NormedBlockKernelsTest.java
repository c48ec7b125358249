package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.KernelCall.RmsNorm;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** Products with weights of block types that normalise their activations: the bits of two calls. */
class NormedBlockKernelsTest {
    private static final CudaProvider PROVIDER = new CudaProvider();

    /**
     * @param count rows that count
     * @param offset elements by which the activations are misaligned
     */
    record Shape(DType type, int rows, int count, int n, int k, boolean gated, int offset) {}

    static Stream<Shape> shapes() {
        SplittableRandom random = new SplittableRandom(5);
        List<Shape> all = new ArrayList<>();
        // On both sides of where a norm takes another tree, and far beyond.
        int[] columns = {1, 31, 64, 577, 1023, 1024, 1025, 2048, 2050, 5000};
        for (DType type : new DType[] {DType.Q8, DType.Q4, DType.F8}) {
            for (int k : columns) {
                int rows = Math.min(1 + random.nextInt(8), Math.max(1, (1 << 14) / k));
                boolean gated = random.nextBoolean();
                int n = 1 + random.nextInt(70);
                all.add(new Shape(type, 1, 1, n, k, gated, random.nextInt(2)));
                int count = random.nextInt(rows + 1);
                all.add(new Shape(type, rows, count, n, k, !gated, random.nextInt(2)));
                all.add(new Shape(type, rows, rows, n, k, gated, 0));
            }
            all.add(new Shape(type, 8, 8, 600, 70, true, 0));
        }
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void oneLaunchHasTheBitsOfTwoCalls(Shape shape) {
        try (Arena arena = PROVIDER.arena()) {
            Operands singly = new Operands(arena, shape);
            PROVIDER.runSingly(List.of(singly.norm(), singly.product()));
            Operands together = new Operands(arena, shape);
            assertThat(PROVIDER.runNormed(together.norm(), together.product()).orElseThrow())
                    .hasSize(1);
            assertThat(together.out.mismatch(singly.out)).isEqualTo(-1);
            if (shape.count > 0) {
                assertThat(new Operands(arena, shape).out.mismatch(singly.out)).isNotEqualTo(-1);
            }
        }
    }

    @Test
    void manyActivationsStayTwoCalls() {
        try (Arena arena = PROVIDER.arena()) {
            Operands a = new Operands(arena, new Shape(DType.Q8, 4, 4, 20, 640, false, 0));
            Operands many = new Operands(arena, new Shape(DType.Q8, 9, 9, 20, 64, false, 0));
            Operands big = new Operands(arena, new Shape(DType.Q8, 8, 8, 20, 4096, false, 0));
            assertThat(PROVIDER.runNormed(a.norm(), a.product())).isPresent();
            assertThat(PROVIDER.runNormed(many.norm(), many.product())).isEmpty();
            assertThat(PROVIDER.runNormed(big.norm(), big.product())).isEmpty();
        }
    }

    /** The same for the same shape, with an output that nothing has been written to. */
    private static final class Operands {
        final MemorySegment out;
        private final Shape shape;
        private final SplittableRandom random = new SplittableRandom(1);
        private final MemorySegment x;
        private final MemorySegment normed;
        private final MemorySegment normWeight;
        private final MemorySegment residual;
        private final MemorySegment weights;
        private final MemorySegment count;

        Operands(Arena arena, Shape shape) {
            this.shape = shape;
            x = floats(arena, shape.offset + shape.rows * ld());
            normed = arena.allocate(shape.rows * ld() * Float.BYTES, 64);
            normWeight = floats(arena, shape.k);
            residual = floats(arena, (long) shape.rows * shape.n);
            out = arena.allocate((long) shape.rows * shape.n * Float.BYTES, 64);
            out.fill((byte) 0x5a);
            weights = weights(arena);
            count = arena.allocateFrom(JAVA_LONG, shape.count);
        }

        private long ld() {
            return shape.k + shape.offset;
        }

        private MemorySegment floats(Arena arena, long n) {
            MemorySegment values = arena.allocate(n * Float.BYTES, 64);
            for (long i = 0; i < n; i++) {
                values.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-2, 2));
            }
            return values;
        }

        /** Any elements that are numbers, and scales near 1/64. */
        private MemorySegment weights(Arena arena) {
            long rows = Panels.count(shape.n) * Panels.ROWS * (shape.gated ? 2 : 1);
            long bytes = Panels.bytes(shape.type, rows, shape.k);
            MemorySegment packed = arena.allocate(bytes, Panels.ALIGNMENT);
            for (long i = 0; i < bytes; i++) {
                int code = random.nextInt(256);
                packed.set(JAVA_BYTE, i, (byte) (code % 128 == 127 ? code - 1 : code));
            }
            for (long row = 0; row < rows; row++) {
                for (long block = 0; block < Panels.groups(shape.k) * 2; block++) {
                    long at = Panels.scaleOffset(shape.type, row, block * 32, shape.k);
                    float scale = (float) random.nextDouble(1, 2) / 64;
                    packed.set(JAVA_SHORT, at, Float.floatToFloat16(scale));
                }
            }
            return packed;
        }

        RmsNorm norm() {
            return new RmsNorm(
                    x.address() + shape.offset * (long) Float.BYTES,
                    ld(),
                    normWeight.address(),
                    normed.address(),
                    ld(),
                    shape.rows,
                    count.address(),
                    1,
                    shape.k,
                    1e-5);
        }

        MatMul product() {
            return new MatMul(
                    normed.address(),
                    ld(),
                    weights.address(),
                    shape.type,
                    0,
                    0,
                    residual.address(),
                    shape.n,
                    out.address(),
                    shape.n,
                    shape.rows,
                    count.address(),
                    shape.n,
                    shape.k,
                    ComputeType.ofBlocks(shape.type),
                    Activation.SILU,
                    shape.gated ? 1 : 0);
        }
    }
}
