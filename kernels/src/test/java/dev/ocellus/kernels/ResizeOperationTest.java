package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.ocellus.kernels.OperationCheck.Setting;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import java.util.random.RandomGenerator;

/** The two passes of 8-bit resampling: every byte, whatever the split and the run-time count. */
class ResizeOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";
    private static final int CHANNELS = 3;
    private static final byte UNTOUCHED = Operands.POISON;

    /** Sides of an image before and after a pass, and the length of the other side. */
    private static final int[][] SIZES = {
        {1, 1, 1, 4},
        {1, 5, 3, 4},
        {4, 2, 16, 4},
        {5, 7, 17, 8},
        {17, 70, 33, 8},
        {100, 33, 37, 16},
        {131, 64, 16, 20},
        {700, 3, 5, 316},
    };

    /** The filter over one axis, random but in its rules. */
    private record Taps(int[] first, int[] weights, int taps) {
        static Taps random(int in, int out, int taps, RandomGenerator random) {
            int[] first = new int[out];
            int[] weights = new int[out * taps];
            for (int i = 0; i < out; i++) {
                int last = Math.max(0, (in + 3) / 4 * 4 - taps);
                first[i] = (int) ((long) i * last / out) / 4 * 4;
                for (int t = 0; t < Math.min(taps, in - first[i]); t++) {
                    weights[i * taps + t] = weight(taps, random);
                }
            }
            return new Taps(first, weights, taps);
        }

        /** Now and then as large as allowed; sums may wrap around. */
        private static int weight(int taps, RandomGenerator random) {
            int most = (1 << 23) - (1 << 16) - 1;
            int small = (1 << 23) / taps;
            return random.nextInt(8) == 0
                    ? (random.nextBoolean() ? most : -most)
                    : random.nextInt(-small / 2, small);
        }

        int sample(int output, IntUnaryOperator input) {
            int sum = 1 << 21;
            for (int t = 0; t < taps; t++) {
                int weight = weights[output * taps + t];
                if (weight != 0) {
                    sum += weight * input.applyAsInt(first[output] + t);
                }
            }
            return Math.clamp(sum >> 22, 0, 255);
        }
    }

    private static MemorySegment randomBytes(Operands memory, long size, RandomGenerator random) {
        MemorySegment s = memory.bytes(size, 1);
        for (long i = 0; i < size; i++) {
            s.set(JAVA_BYTE, i, (byte) random.nextInt());
        }
        return s;
    }

    private static int unsigned(MemorySegment s, long offset) {
        return s.get(JAVA_BYTE, offset) & 0xff;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void rows(Setting setting) {
        for (int i = 0; i < SIZES.length; i++) {
            int[] s = SIZES[i];
            int in = s[0];
            int out = s[1];
            int rows = s[2];
            RandomGenerator random = new SplittableRandom(i);
            for (long count : new long[] {rows, rows / 2, 0}) {
                try (Operands memory = new Operands(setting)) {
                    OperationCheck.announce("ResizeRows " + in + " to " + out + " on " + setting);
                    rows(setting.provider(), in, out, rows, s[3], count, memory, random);
                }
            }
        }
    }

    private static void rows(
            KernelProvider provider,
            int in,
            int cols,
            int rows,
            int taps,
            long count,
            Operands memory,
            RandomGenerator random) {
        long ldx = in * CHANNELS + random.nextInt(3);
        MemorySegment x = randomBytes(memory, (rows - 1) * ldx + in * CHANNELS, random);
        Taps filter = Taps.random(in, cols, taps, random);
        long ldo = cols * CHANNELS * 4L + random.nextInt(3) * 4;
        long quads = (rows + 3) / 4;
        MemorySegment out = memory.bytes((quads - 1) * ldo + cols * CHANNELS * 4L, 4);
        KernelCall call =
                new KernelCall.ResizeRows(
                        x.address(),
                        ldx,
                        memory.ints(filter.first()).address(),
                        memory.ints(filter.weights()).address(),
                        taps,
                        out.address(),
                        ldo,
                        rows,
                        count == rows ? 0 : memory.longs(count).address(),
                        in,
                        cols);
        memory.freezeAllBut(out);
        OperationCheck.run(provider, memory, call, random);
        memory.verify("ResizeRows");
        byte[] expected = new byte[(int) out.byteSize()];
        Arrays.fill(expected, UNTOUCHED);
        for (int r = 0; r < (count + 3) / 4 * 4; r++) {
            for (int sample = 0; sample < cols * CHANNELS; sample++) {
                int row = r;
                int c = sample % CHANNELS;
                int value =
                        r >= count
                                ? 0
                                : filter.sample(
                                        sample / CHANNELS,
                                        p -> unsigned(x, row * ldx + p * CHANNELS + c));
                expected[(int) (r / 4 * ldo + sample * 4L + r % 4)] = (byte) value;
            }
        }
        assertThat(out.toArray(JAVA_BYTE)).isEqualTo(expected);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void planes(Setting setting) {
        for (int i = 0; i < SIZES.length; i++) {
            int[] s = SIZES[i];
            RandomGenerator random = new SplittableRandom(i);
            for (int cols : new int[] {s[2], 64 + s[2], 131}) {
                try (Operands memory = new Operands(setting)) {
                    OperationCheck.announce("ResizePlanes " + s[0] + " on " + setting);
                    planes(setting.provider(), s[0], s[1], cols, s[3], memory, random);
                }
            }
        }
    }

    private static void planes(
            KernelProvider provider,
            int in,
            int rows,
            int cols,
            int taps,
            Operands memory,
            RandomGenerator random) {
        // More rows than the ring keeps have one place, and so one value.
        int ring = taps / 4 + random.nextInt(3);
        long ldx = cols * CHANNELS * 4L + random.nextInt(3) * 4;
        MemorySegment x = randomBytes(memory, (ring - 1) * ldx + cols * CHANNELS * 4L, random);
        Taps filter = Taps.random(in, rows, taps, random);
        Matrix table = memory.dense(CHANNELS, 256, random);
        long ldo = cols + random.nextInt(3);
        long plane = ldo * rows + random.nextInt(3);
        Matrix out = memory.matrix(1, 2 * plane + (rows - 1) * ldo + cols, 0);
        KernelCall call =
                new KernelCall.ResizePlanes(
                        x.address(),
                        ldx,
                        ring,
                        memory.ints(filter.first()).address(),
                        memory.ints(filter.weights()).address(),
                        taps,
                        table.address(),
                        out.address(),
                        ldo,
                        plane,
                        rows,
                        0,
                        cols);
        memory.freezeAllBut(out.segment());
        OperationCheck.run(provider, memory, call, random);
        memory.verify("ResizePlanes");
        Matrix expected = new Matrix(MemorySegment.ofArray(new float[(int) out.cols()]), 1, 0, 0);
        expected.segment().fill(UNTOUCHED);
        for (int r = 0; r < rows; r++) {
            for (int s = 0; s < cols * CHANNELS; s++) {
                int sample = s;
                int value =
                        filter.sample(
                                r,
                                row -> unsigned(x, row / 4 % ring * ldx + sample * 4L + row % 4));
                long place = s % CHANNELS * plane + r * ldo + s / CHANNELS;
                expected.segment()
                        .setAtIndex(JAVA_FLOAT_UNALIGNED, place, table.get(s % CHANNELS, value));
            }
        }
        assertThat(out.segment().mismatch(expected.segment())).isEqualTo(-1);
    }
}
