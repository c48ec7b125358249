package dev.ocellus.bench.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Blocks worked out by hand. */
class GgufTypeTest {
    private static ByteBuffer block(GgufType type, float... start) {
        float[] row = new float[type.blockElements];
        System.arraycopy(start, 0, row, 0, start.length);
        ByteBuffer out = ByteBuffer.allocate(type.blockBytes).order(ByteOrder.LITTLE_ENDIAN);
        type.encode(row, out);
        assertThat(out.hasRemaining()).isFalse();
        return out.flip();
    }

    @Test
    void q8HasTheLargestMagnitudeAt127() {
        ByteBuffer b = block(GgufType.Q8_0, 1, -127, 63.6f);
        assertThat(Float.float16ToFloat(b.getShort(0))).isEqualTo(1f);
        assertThat(new byte[] {b.get(2), b.get(3), b.get(4), b.get(5)})
                .containsExactly(1, -127, 64, 0);
    }

    @Test
    void q4HasTheLargestMagnitudeAtMinus8() {
        float[] x = new float[18];
        x[0] = -16;
        x[1] = 4;
        x[17] = 15;
        ByteBuffer b = block(GgufType.Q4_0, x);
        assertThat(Float.float16ToFloat(b.getShort(0))).isEqualTo(2f);
        assertThat(b.get(2) & 0xff).isEqualTo(0x80);
        // Element 1 is 4 / 2 + 8; element 17 is 15 / 2 + 8, which must not leave its half.
        assertThat(b.get(3) & 0xff).isEqualTo(0xfa);
    }

    @Test
    void zerosStayZeros() {
        assertThat(block(GgufType.Q8_0).getShort(0)).isZero();
        assertThat(block(GgufType.Q4_0).get(5) & 0xff).isEqualTo(0x88);
    }

    @Test
    void bfloat16RoundsToTheNearestEven() {
        assertThat(block(GgufType.BF16, Float.intBitsToFloat(0x3f808000)).getShort(0))
                .isEqualTo((short) 0x3f80);
        assertThat(block(GgufType.BF16, Float.intBitsToFloat(0x3f818000)).getShort(0))
                .isEqualTo((short) 0x3f82);
        assertThat(block(GgufType.BF16, Float.NaN).getShort(0) & 0x7fff).isGreaterThan(0x7f80);
    }
}
