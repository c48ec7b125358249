package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ocellus.kernels.SampleOptions;
import dev.ocellus.kernels.cuda.DeviceSampler.Row;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

class SampleKernelsTest {
    private static final int ROWS = 12;

    private static DeviceSampler device;

    @BeforeAll
    static void open() {
        device = new DeviceSampler();
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    /** Logits of many shapes: like a model's, flat, with ties, with tokens that are excluded. */
    private static float[] logits(int vocabulary, int shape, RandomGenerator random) {
        float[] v = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            double g = random.nextGaussian();
            v[i] =
                    (float)
                            switch (shape) {
                                case 0 -> 3 * g;
                                case 1 -> 0.01 * g;
                                case 2 -> Math.rint(2 * g);
                                case 3 -> 1.5;
                                case 4 -> g < 0 ? Double.NEGATIVE_INFINITY : g;
                                default -> 30 * g;
                            };
        }
        return v;
    }

    private static SampleOptions options(RandomGenerator random) {
        double[] temperatures = {0, 0.3, 1, 1, 2.5};
        long[] topK = {0, 0, 1, 5, 50, 1000};
        double[] topP = {1, 1, 0.05, 0.5, 0.9, 0.999};
        double[] minP = {0, 0, 0.02, 0.5};
        double[] penalty = {1, 1.3};
        return new SampleOptions(
                temperatures[random.nextInt(temperatures.length)],
                topK[random.nextInt(topK.length)],
                topP[random.nextInt(topP.length)],
                minP[random.nextInt(minP.length)],
                penalty[random.nextInt(penalty.length)],
                random.nextLong(),
                0);
    }

    /** Random bits, or null. */
    private static int[] seen(int vocabulary, RandomGenerator random) {
        if (random.nextInt(4) == 0) {
            return null;
        }
        int[] bits = new int[(vocabulary + 31) / 32];
        for (int i = 0; i < vocabulary; i++) {
            bits[i / 32] |= (random.nextInt(3) == 0 ? 1 : 0) << i % 32;
        }
        return bits;
    }

    private static Row row(float[] logits, SampleOptions options) {
        return new Row(logits, options, 0, null, -1);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 31, 33, 500, 4096, 4097, 9001})
    void tokensAreTheOracles(int vocabulary) {
        for (int shape = 0; shape < 6; shape++) {
            RandomGenerator random = new SplittableRandom(31L * vocabulary + shape);
            List<Row> rows = new ArrayList<>();
            for (int r = 0; r < ROWS; r++) {
                rows.add(
                        new Row(
                                logits(vocabulary, shape, random),
                                options(random),
                                random.nextInt(4) == 0 ? random.nextLong() : random.nextInt(100),
                                seen(vocabulary, random),
                                random.nextInt(-1, vocabulary)));
            }
            DeviceSampler.Choice choice = device.choose(rows, 0, ROWS);
            for (int r = 0; r < ROWS; r++) {
                assertThat(choice.tokens()[r])
                        .as("shape %d, row %d, %s", shape, r, rows.get(r).options())
                        .isEqualTo(new SampleOracle(rows.get(r)).token());
                assertThat(choice.seen().get(r)).isEqualTo(rows.get(r).seenAfter());
            }
        }
    }

    @Test
    void drawsFollowTheProbabilities() {
        int draws = 600;
        float[] logits = {0, 1, 2, -1, Float.NEGATIVE_INFINITY, 0.5f};
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < draws; i++) {
            rows.add(new Row(logits, new SampleOptions(1, 0, 1, 0, 1, 5, 0), i, null, -1));
        }
        int[] counts = new int[logits.length];
        for (int token : device.choose(rows, 0, draws).tokens()) {
            counts[token]++;
        }
        double total = 0;
        for (float v : logits) {
            total += Math.exp(v);
        }
        assertThat(counts[4]).isZero();
        double chi = 0;
        for (int i = 0; i < logits.length; i++) {
            double expected = draws * Math.exp(logits[i]) / total;
            chi += expected == 0 ? 0 : Math.pow(counts[i] - expected, 2) / expected;
        }
        // 99.9 % of the distribution with 4 degrees of freedom.
        assertThat(chi).isLessThan(18.47);
    }

    @Test
    void theFirstOfTheLargestIsTheBest() {
        float nan = Float.NaN;
        float low = Float.NEGATIVE_INFINITY;
        float high = Float.POSITIVE_INFINITY;
        float[][] logits = {
            {1, 3, 3, 2},
            {nan, -5, -3, low},
            {0, 1, high, high},
            {low, nan, low, nan},
            {-0f, 0, -1, -0f}
        };
        int[] best = {1, 2, 2, -1, 0};
        for (double temperature : new double[] {0, 1e-6}) {
            SampleOptions o = new SampleOptions(temperature, 1, 0.001, 0, 1, 3, 0);
            List<Row> rows = Stream.of(logits).map(l -> row(l, o)).toList();
            assertThat(device.choose(rows, 0, 5).tokens()).containsExactly(best);
        }
    }

    @Test
    void rowsPastTheCountAreLeftAlone() {
        RandomGenerator random = new SplittableRandom(4);
        int vocabulary = 300;
        List<Row> rows = new ArrayList<>();
        for (int r = 0; r < 4; r++) {
            SampleOptions o = new SampleOptions(1, 40, 0.9, 0, 1, r, 0);
            rows.add(new Row(logits(vocabulary, 0, random), o, 7, new int[10], r));
        }
        int[] all = device.choose(rows, 2, 4).tokens();
        for (int count = 0; count < 4; count++) {
            int[] expected = Arrays.copyOf(all, 4);
            Arrays.fill(expected, count, 4, DeviceSampler.UNTOUCHED);
            DeviceSampler.Choice some = device.choose(rows, 2, count);
            assertThat(some.tokens()).containsExactly(expected);
            assertThat(Arrays.copyOfRange(some.candidates(), 2 * count, 8))
                    .containsOnly(DeviceSampler.UNTOUCHED);
            for (int r = count; r < 4; r++) {
                assertThat(some.seen().get(r)).containsOnly(0);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 64, 1000})
    void candidatesAreTheMostLikelyInOrder(int count) {
        int vocabulary = 5000;
        for (int shape = 0; shape < 6; shape++) {
            RandomGenerator random = new SplittableRandom(shape);
            SampleOptions o = new SampleOptions(shape % 2 * 0.7, 0, 1, 0, 1, 1, 0);
            Row row = row(logits(vocabulary, shape, random), o);
            DeviceSampler.Choice choice = device.choose(List.of(row), count, 1);
            SampleOracle oracle = new SampleOracle(row);
            for (int i = 0; i < count; i++) {
                int id = choice.candidates()[i];
                assertThat(id).as("shape %d, rank %d", shape, i).isEqualTo(oracle.candidate(i));
                double expected = oracle.logProbability(id);
                assertThat((double) choice.scores()[i])
                        .isCloseTo(expected, within(1e-6 * (2 + Math.abs(expected))));
            }
        }
    }

    @Test
    void withoutABestTokenThereAreNoCandidates() {
        Row row = row(new float[] {Float.NaN, Float.NEGATIVE_INFINITY}, SampleOptions.GREEDY);
        assertThat(device.choose(List.of(row), 2, 1).candidates()).containsExactly(-1, -1);
    }

    @Test
    void moreCandidatesThanTokensAreRefused() {
        Row row = row(new float[3], SampleOptions.GREEDY);
        assertThatThrownBy(() -> device.choose(List.of(row), 4, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("4 candidates of 3 tokens");
    }
}
