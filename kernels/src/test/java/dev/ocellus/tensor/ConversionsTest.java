package dev.ocellus.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import java.util.function.ToIntFunction;

/** Every value of every format, and rounding on and around every midpoint. */
class ConversionsTest {
    @Test
    void bf16() {
        check(
                8,
                -126,
                7,
                true,
                code -> Conversions.bf16ToFloat((short) code),
                value -> Conversions.floatToBf16(value) & 0xffff);
    }

    @Test
    void f16() {
        check(
                5,
                -14,
                10,
                true,
                code -> Conversions.f16ToFloat((short) code),
                value -> Conversions.floatToF16(value) & 0xffff);
    }

    @Test
    void f8e4m3() {
        check(
                4,
                -6,
                3,
                false,
                code -> Conversions.f8e4m3ToFloat((byte) code),
                value -> Conversions.floatToF8e4m3(value) & 0xff);
        assertThat(Conversions.f8e4m3ToFloat((byte) 0x7e)).isEqualTo(448);
    }

    @Test
    void f8e5m2() {
        check(
                5,
                -14,
                2,
                true,
                code -> Conversions.f8e5m2ToFloat((byte) code),
                value -> Conversions.floatToF8e5m2(value) & 0xff);
        assertThat(Conversions.f8e5m2ToFloat((byte) 0x7b)).isEqualTo(57344);
    }

    /**
     * @param ieee whether the highest exponent is for infinity and NaN, else only its last code is
     *     NaN
     */
    private static void check(
            int exponentBits,
            int minExponent,
            int mantissaBits,
            boolean ieee,
            IntToDoubleFunction widen,
            ToIntFunction<Float> narrow) {
        int sign = 1 << exponentBits + mantissaBits;
        int infinity = ieee ? sign - (1 << mantissaBits) : sign - 1;
        for (int code = 0; code < infinity; code++) {
            int field = code >> mantissaBits;
            double mantissa = code % (1 << mantissaBits) / (double) (1 << mantissaBits);
            double value =
                    field == 0
                            ? mantissa * Math.pow(2, minExponent)
                            : (1 + mantissa) * Math.pow(2, field - 1 + minExponent);
            assertThat(widen.applyAsDouble(code)).as("code %x", code).isEqualTo(value);
            assertThat(widen.applyAsDouble(sign | code)).isEqualTo(-value);
            assertThat(narrow.applyAsInt((float) value)).isEqualTo(code);
            assertThat(narrow.applyAsInt((float) -value)).isEqualTo(sign | code);

            // The value above, were there no largest exponent, and the midpoint to it.
            double step = Math.pow(2, Math.max(field - 1, 0) + minExponent - mantissaBits);
            float middle = (float) (value + step / 2);
            if (middle != value + step / 2 || Float.isInfinite(middle)) {
                continue; // half of the smallest bfloat16 and half over the largest one
            }
            int even = code % 2 == 0 ? code : code + 1;
            assertThat(narrow.applyAsInt(middle)).as("middle above %x", code).isEqualTo(even);
            assertThat(narrow.applyAsInt(Math.nextDown(middle))).isEqualTo(code);
            assertThat(narrow.applyAsInt(Math.nextUp(middle))).isEqualTo(code + 1);
        }
        assertThat(narrow.applyAsInt(Float.MAX_VALUE)).isEqualTo(infinity);
        assertThat(narrow.applyAsInt(Float.POSITIVE_INFINITY)).isEqualTo(infinity);
        assertThat(narrow.applyAsInt(Float.NEGATIVE_INFINITY)).isEqualTo(sign | infinity);
        if (ieee) {
            assertThat(widen.applyAsDouble(infinity)).isEqualTo(Double.POSITIVE_INFINITY);
            assertThat(widen.applyAsDouble(sign | infinity)).isEqualTo(Double.NEGATIVE_INFINITY);
        }
        for (int code = infinity + (ieee ? 1 : 0); code < sign; code++) {
            assertThat(widen.applyAsDouble(code)).as("code %x", code).isNaN();
            assertThat(widen.applyAsDouble(sign | code)).isNaN();
            assertThat(widen.applyAsDouble(narrow.applyAsInt((float) widen.applyAsDouble(code))))
                    .isNaN();
        }
    }

    @Test
    void nanStaysNan() {
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 1000; i++) {
            float nan = Float.intBitsToFloat(0x7f800001 + random.nextInt(0x7fffff));
            assertThat(Conversions.bf16ToFloat(Conversions.floatToBf16(nan))).isNaN();
            assertThat(Conversions.f16ToFloat(Conversions.floatToF16(nan))).isNaN();
            assertThat(Conversions.f8e4m3ToFloat(Conversions.floatToF8e4m3(nan))).isNaN();
            assertThat(Conversions.f8e5m2ToFloat(Conversions.floatToF8e5m2(nan))).isNaN();
        }
    }
}
