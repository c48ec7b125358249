package dev.ocellus.generate;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Known answers for Philox 4x32-10, published with the Random123 library. */
class PhiloxTest {
    private static long words(long word0, long word1) {
        return word0 | word1 << 32;
    }

    @Test
    void equalsThePublishedAnswers() {
        assertThat(Philox.bits(0, 0, 0)).isEqualTo(words(0x6627e8d5L, 0xe169c58dL));
        assertThat(Philox.bits(-1, -1, -1)).isEqualTo(words(0x408f276dL, 0x41c83b0eL));
        // Counter and key are the first digits of pi.
        assertThat(
                        Philox.bits(
                                words(0xa4093822L, 0x299f31d0L),
                                words(0x243f6a88L, 0x85a308d3L),
                                words(0x13198a2eL, 0x03707344L)))
                .isEqualTo(words(0xd16cfe09L, 0x94fdccebL));
    }

    @Test
    void uniformNumbersFillTheUnitInterval() {
        double sum = 0;
        double least = 1;
        double most = 0;
        int n = 10_000;
        for (int step = 0; step < n; step++) {
            double u = Philox.uniform(3, step);
            assertThat(u).isGreaterThanOrEqualTo(0).isLessThan(1);
            sum += u;
            least = Math.min(least, u);
            most = Math.max(most, u);
        }
        assertThat(sum / n).isBetween(0.49, 0.51);
        assertThat(least).isLessThan(0.001);
        assertThat(most).isGreaterThan(0.999);
    }
}
