package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.KvAppend;
import dev.ocellus.kernels.KernelCall.PackPanels;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** Operations that scatter into stored layouts: the whole image of the target is compared. */
class StoreOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";
    private static final String CPU_SETTINGS = "dev.ocellus.kernels.OperationCheck#cpuSettings";

    /**
     * Ties, overflow and subnormal results of half precision. Subnormal float32 values are left
     * out: hardware conversions to bfloat16 may flush them.
     */
    private static final float[] EDGES = {
        0f, -0f, 1.001953125f, -1.005859375f, 65519f, 65520f, -1e9f, 6e-8f, 2.98e-8f, 1e-6f, 3e38f
    };

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void kvAppend(Setting setting) {
        // Rows, slots of a page, kvHeads, headDim.
        int[][] sizes = {
            {1, 16, 1, 1}, {9, 4, 2, 5}, {7, 80, 3, 16}, {40, 16, 2, 33}, {90, 64, 1, 72}
        };
        for (DType type : List.of(DType.F32, DType.F16, DType.BF16, DType.Q8)) {
            for (int[] s : sizes) {
                String name = "KvAppend %s %s on %s".formatted(type, Arrays.toString(s), setting);
                OperationCheck.announce(name);
                for (int count : IntStream.of(0, 1, s[0] / 2, s[0], -1).distinct().toArray()) {
                    for (int first : IntStream.of(0, s[0] / 2).distinct().toArray()) {
                        if (count <= s[0] - first) {
                            kvAppend(setting, type, s, first, count, name);
                        }
                    }
                }
            }
        }
    }

    /**
     * @param first row at which the call begins; with a count, its capacity goes past the operands
     * @param count run-time count, or -1 for a call without one
     */
    private static void kvAppend(
            Setting setting, DType type, int[] size, int first, int count, String name) {
        RandomGenerator random = new SplittableRandom(30);
        int rows = size[0];
        int pageTokens = size[1];
        int kvHeads = size[2];
        int headDim = size[3];
        // Many rows are one sequence, so that neighbouring tokens can be stored together.
        int sequences = rows < 40 ? 2 : 1;
        try (Operands inputs = new Operands(setting);
                Operands outputs = new Operands(setting)) {
            Matrix k = withEdges(inputs.random(rows, (long) kvHeads * headDim, random));
            Matrix v = inputs.random(rows, (long) kvHeads * headDim, random);
            int[] sequence = new int[rows];
            int[] slot = new int[rows];
            int[] lengths = {3, 2};
            for (int r = 0; r < rows; r++) {
                sequence[r] = random.nextInt(sequences);
                slot[r] = lengths[sequence[r]]++;
            }
            PagedCache expected =
                    new PagedCache(inputs, type, pageTokens, kvHeads, headDim, lengths);
            PagedCache actual =
                    new PagedCache(outputs, type, pageTokens, kvHeads, headDim, lengths);
            int written = count < 0 ? rows - first : count;
            for (int r = first; r < first + written; r++) {
                for (int head = 0; head < kvHeads; head++) {
                    expected.store(true, sequence[r], slot[r], head, row(k, r, head, headDim));
                    expected.store(false, sequence[r], slot[r], head, row(v, r, head, headDim));
                }
            }
            KvAppend call =
                    new KvAppend(
                            k.address(first),
                            k.ld(),
                            v.address(first),
                            v.ld(),
                            inputs.ints(sequence).address() + first * 4L,
                            inputs.ints(slot).address() + first * 4L,
                            actual.tableAddress(),
                            actual.maxPages,
                            pageTokens,
                            actual.kOffset,
                            actual.vOffset,
                            type,
                            count < 0 ? rows - first : rows,
                            count < 0 ? 0 : inputs.longs(count).address(),
                            kvHeads,
                            headDim);
            inputs.freeze();
            OperationCheck.run(setting.provider(), outputs, call, random);
            if (!actual.sameElements(expected)) {
                throw new AssertionError(
                        "%s: other cache contents, from row %d, run-time count %d"
                                .formatted(name, first, count));
            }
            inputs.verify(name);
            outputs.verify(name);
        }
    }

    private static float[] row(Matrix m, int r, int head, int headDim) {
        float[] row = new float[headDim];
        for (int i = 0; i < headDim; i++) {
            row[i] = m.get(r, (long) head * headDim + i);
        }
        return row;
    }

    private static Matrix withEdges(Matrix m) {
        for (long r = 0; r < m.rows(); r++) {
            for (long c = 0; c < m.cols(); c += 2) {
                m.set(r, c, EDGES[(int) ((r * m.cols() + c) / 2 % EDGES.length)]);
            }
            // Rows that are not finite, which must show as such.
            if (r % 4 > 1) {
                m.set(r, m.cols() / 2, r % 4 == 2 ? Float.NaN : Float.NEGATIVE_INFINITY);
            }
        }
        return m;
    }

    @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
    @MethodSource(CPU_SETTINGS)
    void packPanels(Setting setting) {
        // Rows, k, first panel, panel stride.
        int[][] sizes = {
            {1, 1, 0, 1},
            {16, 2, 1, 1},
            {17, 3, 0, 2},
            {15, 16, 1, 2},
            {50, 33, 2, 3},
            {64, 64, 0, 1}
        };
        for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
            for (int[] s : sizes) {
                for (int shift : new int[] {0, 1, type.byteSize()}) {
                    for (int count : IntStream.of(0, 1, s[0] / 2, s[0], -1).distinct().toArray()) {
                        packPanels(setting, type, s, shift, count);
                    }
                }
            }
        }
    }

    /**
     * @param shift bytes by which the stored rows are moved from their natural alignment
     * @param count run-time count, or -1 for a call without one
     */
    private static void packPanels(Setting setting, DType type, int[] size, int shift, int count) {
        int rows = size[0];
        int k = size[1];
        int firstPanel = size[2];
        int stride = size[3];
        String name =
                "PackPanels %s rows, k, first, stride %s shift %d run-time count %d on %s"
                        .formatted(type, Arrays.toString(size), shift, count, setting);
        OperationCheck.announce(name);
        RandomGenerator random = new SplittableRandom(31);
        try (Operands inputs = new Operands(setting);
                Operands outputs = new Operands(setting)) {
            int elementBytes = type.byteSize();
            byte[] stored = new byte[rows * k * elementBytes];
            random.nextBytes(stored);
            // At the guard the end stays in place: one byte less alignment moves nothing there.
            MemorySegment source = inputs.bytes(stored.length + shift, 1).asSlice(shift);
            MemorySegment.copy(stored, 0, source, ValueLayout.JAVA_BYTE, 0, stored.length);

            int written = count < 0 ? rows : count;
            int panels = (rows + 15) / 16;
            int panelBytes = (type == DType.F32 ? k : (k + 1) / 2) * 64;
            byte[] image = new byte[(firstPanel + (panels - 1) * stride + 1) * panelBytes];
            Arrays.fill(image, (byte) Operands.POISON);
            for (int p = 0; p < (written + 15) / 16; p++) {
                int at = (firstPanel + p * stride) * panelBytes;
                Arrays.fill(image, at, at + panelBytes, (byte) 0);
            }
            int group = type == DType.F32 ? 1 : 2;
            for (int r = 0; r < written; r++) {
                for (int i = 0; i < k; i++) {
                    int panel = firstPanel + r / 16 * stride;
                    int at = panel * panelBytes + i / group * 64 + r % 16 * 4 + i % group * 2;
                    System.arraycopy(stored, (r * k + i) * elementBytes, image, at, elementBytes);
                }
            }
            MemorySegment target = outputs.bytes(image.length, 64);
            PackPanels call =
                    new PackPanels(
                            source.address(),
                            type,
                            target.address(),
                            type,
                            firstPanel,
                            stride,
                            rows,
                            count < 0 ? 0 : inputs.longs(count).address(),
                            k);
            inputs.freeze();
            OperationCheck.run(setting.provider(), outputs, call, random);
            if (target.mismatch(MemorySegment.ofArray(image)) >= 0) {
                throw new AssertionError(name + ": other panels");
            }
            inputs.verify(name);
            outputs.verify(name);
        }
    }

    @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
    @MethodSource(CPU_SETTINGS)
    void packPanelsOfBlocks(Setting setting) {
        // Rows, k, first panel, panel stride.
        int[][] sizes = {
            {1, 1, 0, 1}, {16, 32, 1, 1}, {17, 33, 0, 2}, {15, 64, 1, 2}, {50, 161, 2, 3}
        };
        for (DType source : List.of(DType.F32, DType.F16, DType.BF16)) {
            for (DType type : List.of(DType.Q8, DType.Q4, DType.F8)) {
                for (int[] s : sizes) {
                    for (int count : IntStream.of(0, 1, s[0] / 2, s[0], -1).distinct().toArray()) {
                        packBlocks(setting, source, type, s, count);
                    }
                }
            }
        }
    }

    /**
     * @param count run-time count, or -1 for a call without one
     */
    private static void packBlocks(
            Setting setting, DType source, DType type, int[] size, int count) {
        int rows = size[0];
        int k = size[1];
        int firstPanel = size[2];
        int stride = size[3];
        String name =
                "PackPanels %s to %s rows, k, first, stride %s run-time count %d on %s"
                        .formatted(source, type, Arrays.toString(size), count, setting);
        OperationCheck.announce(name);
        RandomGenerator random = new SplittableRandom(32);
        try (Operands inputs = new Operands(setting);
                Operands outputs = new Operands(setting)) {
            MemorySegment stored = inputs.bytes((long) rows * k * source.byteSize(), 1);
            float[] values = new float[rows * k];
            for (int i = 0; i < values.length; i++) {
                float value = blockEdges(i / k, i % k, (float) random.nextGaussian());
                values[i] = Operands.store(stored, (long) i * source.byteSize(), source, value);
            }
            BlockMatrix rounded = BlockMatrix.rounded(type, rows, k, values);
            int panels = firstPanel + (rows - 1) / 16 * stride + 1;
            MemorySegment target = outputs.bytes((long) panels * rounded.panelBytes(), 64);
            byte[] image = new byte[(int) target.byteSize()];
            Arrays.fill(image, (byte) Operands.POISON);
            int written = count < 0 ? rows : count;
            rounded.pack(MemorySegment.ofArray(image), firstPanel, stride, written);
            PackPanels call =
                    new PackPanels(
                            stored.address(),
                            source,
                            target.address(),
                            type,
                            firstPanel,
                            stride,
                            rows,
                            count < 0 ? 0 : inputs.longs(count).address(),
                            k);
            inputs.freeze();
            OperationCheck.run(setting.provider(), outputs, call, random);
            long differs = target.mismatch(MemorySegment.ofArray(image));
            if (differs >= 0) {
                throw new AssertionError(name + ": other panels, from byte " + differs);
            }
            inputs.verify(name);
            outputs.verify(name);
        }
    }

    /** Blocks of zeros, of one size, of ties, and with scales that are not normal float16. */
    private static float blockEdges(int row, int column, float value) {
        return switch (row % 8) {
            case 3 -> column < 32 ? 0 : value;
            case 4 -> column % 2 == 0 ? 1 : -1;
            case 5 -> column % 16 - 7.5f;
            case 6 -> value * 1e-6f;
            default -> value;
        };
    }
}
