package dev.ocellus.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.ocellus.kernels.cuda.CudaProvider;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * A matrix [rows, k] of weights of a block type as elements [rows, k], integers or E4M3, and
 * float16 scales [rows, ceil(k / 32)], with rounding and layout done here as {@link Panels}
 * describe, apart from the kernels.
 */
record BlockMatrix(DType type, int rows, int k, float[] q, short[] scales) {
    private static final int BLOCK = 32;

    /** What E4M3 holds of numbers that are not negative: by their codes, which ascend with them. */
    private static final float[] E4M3 = new float[127];

    static {
        for (int code = 0; code < E4M3.length; code++) {
            int exponent = code / 8;
            E4M3[code] =
                    exponent == 0
                            ? code / 512f
                            : (float) ((8 + code % 8) * Math.pow(2, exponent - 10));
        }
    }

    private BlockMatrix(DType type, int rows, int k) {
        this(type, rows, k, new float[rows * k], new short[rows * blocks(k)]);
    }

    /** The types that a provider multiplies with. */
    static List<DType> types(KernelProvider provider) {
        return provider instanceof CudaProvider
                ? List.of(DType.Q8, DType.Q4, DType.F8)
                : List.of(DType.Q8, DType.Q4);
    }

    private static int blocks(int k) {
        return (k + BLOCK - 1) / BLOCK;
    }

    private int min() {
        return type == DType.Q4 ? -8 : -max();
    }

    private int max() {
        return switch (type) {
            case Q8 -> 127;
            case Q4 -> 7;
            default -> 448;
        };
    }

    private float any(RandomGenerator random) {
        if (type == DType.F8) {
            float magnitude = E4M3[random.nextInt(E4M3.length)];
            return random.nextBoolean() ? -magnitude : magnitude;
        }
        return random.nextInt(min(), max() + 1);
    }

    /** Any elements, both ends of the range often among them, with scales of either sign. */
    static BlockMatrix random(DType type, int rows, int k, RandomGenerator random) {
        BlockMatrix m = new BlockMatrix(type, rows, k);
        for (int i = 0; i < m.q.length; i++) {
            float any = m.any(random);
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
                type == DType.Q4
                        ? new float[] {-9, -8.5f, -8, -7.5f, -7}
                        : new float[] {Math.copySign(max(), m)};
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

    private float nearest(float x, float scale) {
        if (scale == 0) {
            return type == DType.F8 ? Math.copySign(0, x) : 0;
        }
        float cut = Math.max(min(), Math.min(max(), x * (1 / scale)));
        return type == DType.F8
                ? Math.copySign(E4M3[nearestCode(Math.abs(cut))], cut)
                : (float) Math.rint(cut) + 0f;
    }

    /** The even one of two that are as near. */
    private static int nearestCode(double magnitude) {
        int code = 0;
        while (code + 1 < E4M3.length && E4M3[code + 1] <= magnitude) {
            code++;
        }
        if (code + 1 == E4M3.length) {
            return code;
        }
        double more = magnitude - E4M3[code];
        double less = E4M3[code + 1] - magnitude;
        return more < less || more == less && code % 2 == 0 ? code : code + 1;
    }

    float q(long row, long column) {
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
        return (k + 63) / 64 * (type == DType.Q4 ? 576 : 1088);
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
                float element = there ? q(r, c) : 0;
                int value = (int) element;
                long q = group + 64 + r % 16 * 4 + i % 4;
                if (type != DType.Q4) {
                    int code = type == DType.Q8 ? value + 128 : e4m3Code(element);
                    to.set(JAVA_BYTE, q + (block * 8 + i / 4) * 64, (byte) code);
                } else {
                    long at = q + (block * 4 + i % 16 / 4) * 64;
                    int low = i < 16 ? 0 : to.get(JAVA_BYTE, at) & 15;
                    to.set(JAVA_BYTE, at, (byte) (i < 16 ? value + 8 : low | value + 8 << 4));
                }
            }
        }
    }

    private static int e4m3Code(float element) {
        int code = nearestCode(Math.abs(element));
        return Float.floatToRawIntBits(element) < 0 ? code | 0x80 : code;
    }

    /** Packed in an operand of its own. */
    MemorySegment packed(Operands operands) {
        MemorySegment stored = operands.bytes((long) (rows + 15) / 16 * panelBytes(), 64);
        pack(stored, 0, 1, rows);
        return stored;
    }
}
