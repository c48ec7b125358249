package dev.ocellus.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ocellus.measure.LatencyBench.Times;

import org.junit.jupiter.api.Test;

class LatencyBenchTest {
    @Test
    void timesAreThoseBetweenTokens() {
        long second = 1_000_000_000;
        // The first token after 5 seconds, the others 1, 3, 1, 2 seconds later.
        long[] stamps = {
            7 * second, 12 * second, 13 * second, 16 * second, 17 * second, 19 * second
        };
        assertThat(Times.of(stamps)).isEqualTo(new Times(5, 1.5, 3, 3));
    }

    @Test
    void ofManyTheWorstTwentiethCountsAsLongestOnly() {
        long[] stamps = new long[42];
        for (int i = 1; i < stamps.length; i++) {
            stamps[i] = stamps[i - 1] + (i > 39 ? 9_000 : 1_000);
        }
        Times t = Times.of(stamps);
        assertThat(t.most()).isCloseTo(1e-6, within(1e-9));
        assertThat(t.longest()).isCloseTo(9e-6, within(1e-9));
    }

    @Test
    void tooLittleToMeasureIsRefused() {
        assertThatThrownBy(() -> LatencyBench.run(null, 1, 1, 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("three new tokens");
    }
}
