package dev.ocellus.measure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Cost;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

class MeasuredTest {
    private static Measured measured(int threads, double... seconds) {
        return new Measured(
                "decode",
                threads,
                10,
                "tokens",
                Arrays.stream(seconds).mapToObj(s -> new Stopwatch.Time(s, s > 3)).toList(),
                new Cost(100, 20, 30));
    }

    @Test
    void figuresAreMedians() {
        Measured m = measured(1, 4, 1, 2);
        assertThat(m.seconds()).isEqualTo(2);
        assertThat(m.unitsPerSecond()).isEqualTo(5);
        assertThat(m.bytesPerSecond()).isEqualTo(25);
        assertThat(m.flopsPerSecond()).isEqualTo(50);
        assertThat(m.disturbed()).isEqualTo(1);
    }

    @Test
    void aSpeedupIsTheMedianOfRatiosWithinRounds() {
        // The ratios are 2, 1 and 1.5; that of the medians would be 2 / 2.
        assertThat(measured(2, 1, 2, 2).speedup(measured(1, 2, 2, 3))).isEqualTo(1.5);
    }

    @Test
    void theMedianOfAnEvenNumberIsTheMeanOfTheMiddle() {
        assertThat(Medians.of(9, 1, 3, 2)).isEqualTo(2.5);
    }

    @Test
    void limitsAreThoseOfTheProductsType() {
        List<Ceilings> rounds =
                List.of(
                        new Ceilings(1, "", 10, 100, 200, 400),
                        new Ceilings(1, "", 30, 50, 300, 0));
        MachineLimits bf16 = MachineLimits.of(rounds, ComputeType.BF16);
        assertThat(bf16.bytesPerSecond()).isEqualTo(20e9);
        assertThat(bf16.flopsPerSecond()).isEqualTo(250e9);
        assertThat(MachineLimits.of(rounds, ComputeType.F32).flopsPerSecond()).isEqualTo(75e9);
    }

    @Test
    void workOfOneThreadIsDoneOnceWhateverOthersDo() {
        AtomicInteger runs = new AtomicInteger();
        Stopwatch.Time time = Stopwatch.time(1, runs::incrementAndGet);
        assertThat(runs).hasValue(1);
        assertThat(time.disturbed()).isFalse();
        assertThat(time.seconds()).isNotNegative();
    }

    @Test
    void sleepingTakesNoTimeOfOneThread() {
        double cpu =
                Stopwatch.time(
                                1,
                                () -> {
                                    try {
                                        Thread.sleep(300);
                                    } catch (InterruptedException e) {
                                        Thread.currentThread().interrupt();
                                    }
                                })
                        .seconds();
        assertThat(cpu).isLessThan(0.3);
    }
}
