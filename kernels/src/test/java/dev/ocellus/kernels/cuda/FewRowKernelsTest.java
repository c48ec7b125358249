package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.KernelCall.RmsNorm;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Products of few rows against those of tiles, and of rows that are normalised on the way against
 * the two calls that this stands for: the same bits.
 */
class FewRowKernelsTest {
    private static final int MANY = FewRowKernels.ROWS + 1;

    /** Outputs and columns; more columns than shared memory holds of eight rows, and of one. */
    record Shape(int n, int k) {}

    private static final List<Shape> SHAPES =
            List.of(
                    new Shape(1, 8),
                    new Shape(40, 64),
                    new Shape(17, 257),
                    new Shape(530, 520),
                    new Shape(33, 1025),
                    new Shape(300, 2600),
                    new Shape(21, 5003),
                    new Shape(19, 19000));

    enum Types {
        F32(DType.F32, ComputeType.F32),
        F16(DType.F16, ComputeType.F32),
        BF16(DType.BF16, ComputeType.F32),
        BF16_PRODUCTS(DType.BF16, ComputeType.BF16);

        final DType weights;
        final ComputeType compute;

        Types(DType weights, ComputeType compute) {
            this.weights = weights;
            this.compute = compute;
        }
    }

    private final SplittableRandom random = new SplittableRandom(11);
    private Gpu gpu;
    private GpuStream stream;
    private MatMulKernels products;
    private NormKernels norms;

    @BeforeEach
    void open() {
        CudaProvider.requireKernels();
        gpu = Gpu.open(0);
        stream = gpu.newStream();
        products = new MatMulKernels(gpu, null);
        norms = new NormKernels(gpu);
    }

    @AfterEach
    void close() {
        if (gpu != null) {
            gpu.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void fewRowsHaveTheBitsOfMany(Types types) {
        for (int i = 0; i < SHAPES.size(); i++) {
            fewRowsHaveTheBitsOfMany(types, SHAPES.get(i), i % 2);
        }
    }

    private void fewRowsHaveTheBitsOfMany(Types types, Shape shape, int gated) {
        try (Arena arena = Arena.ofConfined()) {
            Operands o = new Operands(arena, types, shape, gated);
            float[][] many =
                    o.run(
                            products.matMul(
                                    o.product(o.x, MANY, 0), Conditions.NONE, o.scratch, arena));
            for (int rows : rows()) {
                for (int counted : new int[] {rows, 1, 0}) {
                    MatMul call = o.product(o.x, rows, o.count(counted));
                    float[][] few = o.run(products.matMul(call, Conditions.NONE, 0, arena));
                    for (int r = 0; r < MANY; r++) {
                        assertThat(few[r])
                                .as("%s %s gated %d, row %d of %d", types, shape, gated, r, rows)
                                .isEqualTo(r < counted ? many[r] : o.untouched());
                    }
                }
            }
        }
    }

    /** Sanitized kernels take their time. */
    private static int[] rows() {
        return SoftGpu.isSanitized() ? new int[] {3} : new int[] {1, 2, 5, FewRowKernels.ROWS};
    }

    @ParameterizedTest
    @EnumSource
    void normalisedOnTheWayIsOneCallAfterTheOther(Types types) {
        for (int i = 0; i < SHAPES.size(); i++) {
            for (int rows : rows()) {
                normalised(types, SHAPES.get(i), i % 2, rows, rows);
                normalised(types, SHAPES.get(i), i % 2, rows, 1);
            }
        }
    }

    private void normalised(Types types, Shape shape, int gated, int rows, int counted) {
        try (Arena arena = Arena.ofConfined()) {
            Operands o = new Operands(arena, types, shape, gated);
            RmsNorm norm = o.norm(rows, o.count(counted));
            MatMul product = o.product(o.normed, rows, norm.rowCount());
            norms.rmsNorm(norm, Conditions.NONE, 0, arena).getFirst().enqueue(stream);
            float[][] expected = o.run(products.matMul(product, Conditions.NONE, 0, arena));
            List<GpuWork> fused = products.normed(norm, product, arena).orElseThrow();
            assertThat(fused).hasSize(1);
            assertThat(o.run(fused))
                    .as("%s %s gated %d, %d of %d rows", types, shape, gated, counted, rows)
                    .isDeepEqualTo(expected);
        }
    }

    @Test
    void moreRowsAreNotNormalisedOnTheWay() {
        try (Arena arena = Arena.ofConfined()) {
            Operands o = new Operands(arena, Types.F32, new Shape(40, 64), 0);
            RmsNorm norm = o.norm(9, 0);
            assertThat(products.normed(norm, o.product(o.normed, 9, 0), arena)).isEmpty();
        }
    }

    /** Random operands in device memory, and what runs calls on them. */
    private final class Operands {
        final Arena arena;
        final Types types;
        final Shape shape;
        final int gated;
        final MemorySegment x;
        final MemorySegment normed;
        final MemorySegment weight;
        final MemorySegment w;
        final MemorySegment bias;
        final MemorySegment residual;
        final MemorySegment out;
        final long scratch;

        Operands(Arena arena, Types types, Shape shape, int gated) {
            this.arena = arena;
            this.types = types;
            this.shape = shape;
            this.gated = gated;
            x = floats(MANY * shape.k);
            normed = gpu.memory().allocate(4L * MANY * shape.k, arena);
            weight = floats(shape.k);
            int weights = (1 + gated) * shape.n * shape.k;
            w = types.weights == DType.F32 ? floats(weights) : halves(weights);
            bias = floats(shape.n);
            residual = floats(MANY * shape.n);
            out = gpu.memory().allocate(4L * MANY * shape.n, arena);
            long bytes = products.scratchBytes(product(x, MANY, 0));
            scratch = bytes == 0 ? 0 : gpu.memory().allocate(bytes, arena).address();
        }

        private MemorySegment floats(int length) {
            MemorySegment host = arena.allocate(JAVA_FLOAT, length);
            for (int i = 0; i < length; i++) {
                host.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
            }
            return onDevice(host);
        }

        private MemorySegment halves(int length) {
            MemorySegment host = arena.allocate(JAVA_SHORT, length);
            for (int i = 0; i < length; i++) {
                float value = (float) random.nextDouble(-1, 1);
                short bits =
                        types.weights == DType.F16
                                ? Float.floatToFloat16(value)
                                : (short) (Float.floatToRawIntBits(value) >>> 16);
                host.setAtIndex(JAVA_SHORT, i, bits);
            }
            return onDevice(host);
        }

        private MemorySegment onDevice(MemorySegment host) {
            MemorySegment device = gpu.memory().allocate(host.byteSize(), arena);
            stream.copyIn(device, host);
            return device;
        }

        /** Device address of a run-time count. */
        long count(long rows) {
            return onDevice(arena.allocateFrom(JAVA_LONG, rows)).address();
        }

        RmsNorm norm(int rows, long count) {
            return new RmsNorm(
                    x.address(),
                    shape.k,
                    weight.address(),
                    normed.address(),
                    shape.k,
                    rows,
                    count,
                    1,
                    shape.k,
                    1e-5);
        }

        MatMul product(MemorySegment activations, int rows, long count) {
            return new MatMul(
                    activations.address(),
                    shape.k,
                    w.address(),
                    types.weights,
                    gated == 1 ? 0 : bias.address(),
                    0,
                    residual.address(),
                    shape.n,
                    out.address(),
                    shape.n,
                    rows,
                    count,
                    shape.n,
                    shape.k,
                    types.compute,
                    Activation.SILU,
                    gated);
        }

        /** The rows of the output, which held {@link #untouched} before. */
        float[][] run(List<GpuWork> work) {
            stream.fill(out, (byte) 1);
            work.forEach(w -> w.enqueue(stream));
            MemorySegment host = arena.allocate(out.byteSize());
            stream.copyOut(host, out);
            stream.synchronize();
            long rowBytes = 4L * shape.n;
            return IntStream.range(0, MANY)
                    .mapToObj(r -> host.asSlice(r * rowBytes, rowBytes).toArray(JAVA_FLOAT))
                    .toArray(float[][]::new);
        }

        float[] untouched() {
            float[] row = new float[shape.n];
            java.util.Arrays.fill(row, Float.intBitsToFloat(0x01010101));
            return row;
        }
    }
}
