package dev.ocellus.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;

/**
 * A matrix [rows, k] of Q8 or Q4 weights as integers [rows, k] and float16 scales [rows, ceil(k /
 * 32)], with rounding and layout done here as {@link Panels} describe, apart from the kernels.
 */
record BlockMatrix(DType type, int rows, int k, int[] q, short[] scales) {
    private static final int BLOCK = 32;

    private BlockMatrix(DType type, int rows, int k) {
        this(type, rows, k, new int[rows * k], new short[rows * blocks(k)]);
    }

    private static int blocks(int k) {
        return (k + BLOCK - 1) / BLOCK;
    }

    private int min() {
        return type == DType.Q8 ? -127 : -8;
    }

    private int max() {
        return type == DType.Q8 ? 127 : 7;
    }

    /** Any integers, both ends of the range often among them, with scales of either sign. */
    static BlockMatrix random(DType type, int rows, int k, RandomGenerator random) {
        BlockMatrix m = new BlockMatrix(type, rows, k);
        for (int i = 0; i < m.q.length; i++) {
            int any = random.nextInt(m.min(), m.max() + 1);
            m.q[i] = i % 5 == 0 ? m.max() : i % 7 == 0 ? m.min() : any;
        }
        for (int i = 0; i < m.scales.length; i++) {
            m.scales[i] = Float.floatToFloat16((float) random.nextGaussian() / m.max());
        }
        return m;
    }

    /** Rounds values [rows, k]. */
    static BlockMatrix rounded(DType type, int rows, int k, float[] values) {
        BlockMatrix m = new BlockMatrix(type, rows, k);
        for (int r = 0; r < rows; r++) {
            for (int b = 0; b < blocks(k); b++) {
                m.round(r, b, values);
            }
        }
        return m;
    }

    private void round(int row, int block, float[] values) {
        int from = row * k + block * BLOCK;
        int to = Math.min(from + BLOCK, row * k + k);
        float m = 0;
        for (int i = from; i < to; i++) {
            m = Math.abs(values[i]) > Math.abs(m) ? values[i] : m;
        }
        float[] divisors =
                type == DType.Q8
                        ? new float[] {Math.copySign(127, m)}
                        : new float[] {-9, -8.5f, -8, -7.5f, -7};
        float least = Float.MAX_VALUE;
        for (float divisor : divisors) {
            short bits = Float.floatToFloat16(m / divisor);
            float scale = Float.float16ToFloat(bits);
            float error = 0;
            for (int i = from; i < to; i++) {
                float e = Math.fma(-scale, nearest(values[i], scale), values[i]);
                error = Math.fma(e, e, error);
            }
            if (error < least) {
                least = error;
                scales[row * blocks(k) + block] = scale == 0 ? 0 : bits;
            }
        }
        float scale = scale(row, block * BLOCK);
        for (int i = from; i < to; i++) {
            q[i] = nearest(values[i], scale);
        }
    }

    private int nearest(float x, float scale) {
        return scale == 0 ? 0 : (int) Math.max(min(), Math.min(max(), Math.rint(x * (1 / scale))));
    }

    int q(long row, long column) {
        return q[(int) (row * k + column)];
    }

    /** The scale of the block that an element is in. */
    float scale(long row, long column) {
        return Float.float16ToFloat(scales[(int) (row * blocks(k) + column / BLOCK)]);
    }

    float[] values() {
        float[] values = new float[rows * k];
        for (int i = 0; i < values.length; i++) {
            values[i] = q[i] * scale(i / k, i % k);
        }
        return values;
    }

    int panelBytes() {
        return (k + 63) / 64 * (type == DType.Q8 ? 1088 : 576);
    }

    /**
     * Writes the panels, one at every {@code stride} panels from {@code first} on.
     *
     * @param written rows, from the first one on, that count; others are as if absent
     */
    void pack(MemorySegment to, int first, int stride, int written) {
        for (int r = 0; r < (written + 15) / 16 * 16; r++) {
            long panel = (long) (first + r / 16 * stride) * panelBytes();
            for (int c = 0; c < (k + 63) / 64 * 64; c++) {
                boolean there = r < written && c < k;
                long group = panel + c / 64 * (panelBytes() / ((k + 63) / 64));
                int block = c / 32 % 2;
                int i = c % 32;
                if (i == 0) {
                    short scale = there ? scales[r * blocks(k) + c / 32] : 0;
                    to.set(JAVA_SHORT_UNALIGNED, group + block * 32 + r % 16 * 2, scale);
                }
                int value = there ? q(r, c) : 0;
                long q = group + 64 + r % 16 * 4 + i % 4;
                if (type == DType.Q8) {
                    to.set(JAVA_BYTE, q + (block * 8 + i / 4) * 64, (byte) (value + 128));
                } else {
                    long at = q + (block * 4 + i % 16 / 4) * 64;
                    int low = i < 16 ? 0 : to.get(JAVA_BYTE, at) & 15;
                    to.set(JAVA_BYTE, at, (byte) (i < 16 ? value + 8 : low | value + 8 << 4));
                }
            }
        }
    }

    /** Packed in an operand of its own. */
    MemorySegment packed(Operands operands) {
        MemorySegment stored = operands.bytes((long) (rows + 15) / 16 * panelBytes(), 64);
        pack(stored, 0, 1, rows);
        return stored;
    }
}
