package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

/**
 * Elements of Q8, Q4 and F8 panels; {@link Panels} says how values are rounded and where they lie.
 */
final class BlockPanels {
    private static final int Q8_LIMIT = 127;
    private static final int Q8_OFFSET = 128;
    private static final int Q4_OFFSET = 8;
    private static final int Q4_MIN = -8;
    private static final int Q4_MAX = 7;
    private static final float F8_LIMIT = 448;
    private static final float[] Q4_DIVISORS = {-9, -8.5f, -8, -7.5f, -7};

    /** Makes all elements of a panel zero. */
    static void clear(DType type, long panel, long bytes) {
        long groupBytes = Panels.panelBytes(type, Panels.GROUP);
        long scaleBytes = Panels.ALIGNMENT;
        int zeros = type == DType.F8 ? 0 : type == DType.Q8 ? 0x80808080 : 0x88888888;
        for (long group = panel; group < panel + bytes; group += groupBytes) {
            Memory.clear(group, scaleBytes);
            for (long i = scaleBytes; i < groupBytes; i += 4) {
                Memory.i32(group + i, zeros);
            }
        }
    }

    /** Rounds a block that starts at {@code column} of the row {@code lane} of a panel. */
    static void store(DType type, float[] block, long panel, long lane, long column, long k) {
        float largest = largest(block);
        short scale = scale(type, block, largest);
        Memory.i16(panel + Panels.scaleOffset(type, lane, column, k), scale);
        float inverse = inverse(Conversions.f16ToFloat(scale));
        int half = block.length / 2;
        for (int i = 0; i < (type == DType.Q4 ? half : block.length); i++) {
            long at = panel + Panels.offset(type, lane, column + i, k);
            Memory.i8(
                    at,
                    switch (type) {
                        case Q8 -> q8(block[i] * inverse) + Q8_OFFSET;
                        case F8 -> f8(block[i] * inverse);
                        default ->
                                q4(block[i] * inverse)
                                        + Q4_OFFSET
                                        + (q4(block[i + half] * inverse) + Q4_OFFSET << 4);
                    });
        }
    }

    /** The bits of magnitudes are compared: infinities and NaN are larger than numbers. */
    private static float largest(float[] block) {
        float largest = block[0];
        for (float x : block) {
            largest = magnitude(x) > magnitude(largest) ? x : largest;
        }
        return largest;
    }

    private static int magnitude(float x) {
        return Float.floatToRawIntBits(x) & 0x7fffffff;
    }

    private static short scale(DType type, float[] block, float largest) {
        if (type != DType.Q4) {
            float limit = type == DType.Q8 ? Q8_LIMIT : F8_LIMIT;
            return Conversions.floatToF16(Math.abs(largest) / limit);
        }
        short best = 0;
        float least = Float.POSITIVE_INFINITY;
        for (float divisor : Q4_DIVISORS) {
            short scale = positiveZero(Conversions.floatToF16(largest / divisor));
            float error = q4Error(block, Conversions.f16ToFloat(scale));
            if (!(error >= least)) {
                least = error;
                best = scale;
            }
        }
        return best;
    }

    private static short positiveZero(short bits) {
        return (bits & 0x7fff) == 0 ? 0 : bits;
    }

    private static float q4Error(float[] block, float scale) {
        float inverse = inverse(scale);
        float sum = 0;
        for (float x : block) {
            float error = Math.fma(-scale, q4(x * inverse), x);
            sum = Math.fma(error, error, sum);
        }
        return sum;
    }

    private static float inverse(float scale) {
        return scale == 0 ? 0 : 1 / scale;
    }

    private static int q8(float x) {
        return (int) Math.clamp(Math.rint(x), -Q8_LIMIT, Q8_LIMIT);
    }

    private static int q4(float x) {
        return (int) Math.clamp(Math.rint(x), Q4_MIN, Q4_MAX);
    }

    /** What is not a number becomes the least. */
    private static int f8(float x) {
        float cut = x >= -F8_LIMIT ? Math.min(x, F8_LIMIT) : -F8_LIMIT;
        return Conversions.floatToF8e4m3(cut);
    }

    /** Elements of a row of a packed table as float32, to {@code out}. */
    static void row(DType type, long table, long row, long cols, long out) {
        for (long i = 0; i < cols; i++) {
            short scale = Memory.i16(table + Panels.scaleOffset(type, row, i, cols));
            int bits = Memory.i8(table + Panels.offset(type, row, i, cols));
            float q =
                    switch (type) {
                        case Q8 -> (bits & 0xff) - Q8_OFFSET;
                        case F8 -> Conversions.f8e4m3ToFloat((byte) bits);
                        default -> (bits >> (i & 16) / 4 & 0xf) - Q4_OFFSET;
                    };
            Memory.f32(out + i * 4, Conversions.f16ToFloat(scale) * q);
        }
    }

    private BlockPanels() {}
}
