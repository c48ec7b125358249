package dev.ocellus.tensor;

/**
 * Conversions between float32 and the narrow float formats. Narrowing rounds to nearest, ties to
 * even; widening is exact. Stateless.
 */
public final class Conversions {
    private static final int E4M3_MANTISSA_BITS = 3;
    private static final int E4M3_MIN_EXPONENT = -6;
    private static final int E5M2_MANTISSA_BITS = 2;
    private static final int E5M2_MIN_EXPONENT = -14;

    public static float bf16ToFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** A NaN stays a NaN, made quiet; values past the largest bfloat16 become infinite. */
    public static short floatToBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (value != value) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    public static float f16ToFloat(short bits) {
        return Float.float16ToFloat(bits);
    }

    /** Values past the largest half become infinite. */
    public static short floatToF16(float value) {
        return Float.floatToFloat16(value);
    }

    /** The format E4M3FN: no infinities, NaN is 0x7f, the largest value is 448. */
    public static float f8e4m3ToFloat(byte bits) {
        return (bits & 0x7f) == 0x7f
                ? Float.NaN
                : f8ToFloat(bits, E4M3_MANTISSA_BITS, E4M3_MIN_EXPONENT);
    }

    /** Values that would round past 448, and infinities, become NaN. */
    public static byte floatToF8e4m3(float value) {
        return floatToF8(value, E4M3_MANTISSA_BITS, E4M3_MIN_EXPONENT, 0x7f, 0x7f);
    }

    /** The format E5M2, with infinities and NaN as in IEEE 754; the largest value is 57344. */
    public static float f8e5m2ToFloat(byte bits) {
        int magnitude = bits & 0x7f;
        if (magnitude >= 0x7c) {
            return magnitude > 0x7c ? Float.NaN : Math.copySign(Float.POSITIVE_INFINITY, bits);
        }
        return f8ToFloat(bits, E5M2_MANTISSA_BITS, E5M2_MIN_EXPONENT);
    }

    /** Values that would round past 57344 become infinite. */
    public static byte floatToF8e5m2(float value) {
        return floatToF8(value, E5M2_MANTISSA_BITS, E5M2_MIN_EXPONENT, 0x7c, 0x7f);
    }

    private static float f8ToFloat(byte bits, int mantissaBits, int minExponent) {
        int magnitude = bits & 0x7f;
        int field = magnitude >> mantissaBits;
        int mantissa = magnitude & (1 << mantissaBits) - 1;
        float value =
                field == 0
                        ? Math.scalb(mantissa, minExponent - mantissaBits)
                        : Math.scalb(
                                (1 << mantissaBits) + mantissa,
                                field - 1 + minExponent - mantissaBits);
        return bits < 0 ? -value : value;
    }

    /**
     * @param overflow the code of a magnitude that rounds past the largest finite value
     */
    private static byte floatToF8(
            float value, int mantissaBits, int minExponent, int overflow, int nan) {
        int sign = Float.floatToRawIntBits(value) >>> 24 & 0x80;
        if (Float.isNaN(value)) {
            return (byte) (sign | nan);
        }
        if (Float.isInfinite(value)) {
            return (byte) (sign | overflow);
        }
        double magnitude = Math.abs((double) value);
        int exponent = Math.max(Math.getExponent(magnitude), minExponent);
        // The magnitude in units of its last place; a carry into the next exponent adds up right,
        // since a code is the exponent field and the mantissa in one integer.
        long ulps = (long) Math.rint(Math.scalb(magnitude, mantissaBits - exponent));
        long code = ((long) (exponent - minExponent) << mantissaBits) + ulps;
        return (byte) (sign | (int) Math.min(code, overflow));
    }

    private Conversions() {}
}
