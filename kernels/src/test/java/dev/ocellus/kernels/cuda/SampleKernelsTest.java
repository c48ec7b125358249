package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

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

class SampleKernelsTest {
    private static final SampleOptions GREEDY = new SampleOptions(0, 0, 1, 0, 1, 0, 0);
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
                random.nextInt(4) == 0 ? random.nextLong() : random.nextInt(100));
    }

    private static int[] seen(int rows, int vocabulary, RandomGenerator random) {
        int[] bits = new int[rows * words(vocabulary)];
        for (int r = 0; r < rows; r++) {
            for (int i = 0; i < vocabulary; i++) {
                int bit = random.nextInt(3) == 0 ? 1 : 0;
                bits[r * words(vocabulary) + i / 32] |= bit << i % 32;
            }
        }
        return bits;
    }

    private static int words(int vocabulary) {
        return (vocabulary + 31) / 32;
    }

    private static int[] row(int[] bits, int row, int vocabulary) {
        int words = words(vocabulary);
        return Arrays.copyOfRange(bits, row * words, (row + 1) * words);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 31, 33, 500, 4096, 4097, 9001})
    void tokensAreTheOracles(int vocabulary) {
        for (int shape = 0; shape < 6; shape++) {
            RandomGenerator random = new SplittableRandom(31L * vocabulary + shape);
            float[][] logits = new float[ROWS][];
            List<SampleOptions> options = new ArrayList<>();
            for (int r = 0; r < ROWS; r++) {
                logits[r] = logits(vocabulary, shape, random);
                options.add(options(random));
            }
            int[] seen = seen(ROWS, vocabulary, random);
            DeviceSampler.Choice choice = device.choose(logits, options, seen, 0, ROWS);
            for (int r = 0; r < ROWS; r++) {
                int[] occurred = row(seen, r, vocabulary);
                int token = new SampleOracle(logits[r], occurred, options.get(r)).token();
                assertThat(choice.tokens()[r])
                        .as("shape %d, row %d, %s", shape, r, options.get(r))
                        .isEqualTo(token);
                if (token >= 0) {
                    occurred[token / 32] |= 1 << token % 32;
                }
                assertThat(row(choice.seen(), r, vocabulary)).isEqualTo(occurred);
            }
        }
    }

    @Test
    void drawsFollowTheProbabilities() {
        int draws = 600;
        float[] logits = {0, 1, 2, -1, Float.NEGATIVE_INFINITY, 0.5f};
        float[][] rows = new float[draws][];
        List<SampleOptions> options = new ArrayList<>();
        for (int i = 0; i < draws; i++) {
            rows[i] = logits;
            options.add(new SampleOptions(1, 0, 1, 0, 1, 5, i));
        }
        int[] counts = new int[logits.length];
        for (int token : device.choose(rows, options, null, 0, draws).tokens()) {
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
            List<SampleOptions> options = List.of(o, o, o, o, o);
            assertThat(device.choose(logits, options, null, 0, 5).tokens()).containsExactly(best);
        }
    }

    @Test
    void rowsPastTheCountAreLeftAlone() {
        RandomGenerator random = new SplittableRandom(4);
        int vocabulary = 300;
        float[][] logits = new float[4][];
        List<SampleOptions> options = new ArrayList<>();
        for (int r = 0; r < 4; r++) {
            logits[r] = logits(vocabulary, 0, random);
            options.add(new SampleOptions(1, 40, 0.9, 0, 1, r, 7));
        }
        int[] all = device.choose(logits, options, null, 2, 4).tokens();
        for (int count = 0; count < 4; count++) {
            int[] expected = Arrays.copyOf(all, 4);
            Arrays.fill(expected, count, 4, DeviceSampler.UNTOUCHED);
            DeviceSampler.Choice some = device.choose(logits, options, null, 2, count);
            assertThat(some.tokens()).containsExactly(expected);
            assertThat(Arrays.copyOfRange(some.candidates(), 2 * count, 8))
                    .containsOnly(DeviceSampler.UNTOUCHED);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 64, 1000})
    void candidatesAreTheMostLikelyInOrder(int count) {
        int vocabulary = 5000;
        for (int shape = 0; shape < 6; shape++) {
            RandomGenerator random = new SplittableRandom(shape);
            float[] logits = logits(vocabulary, shape, random);
            SampleOptions o = new SampleOptions(shape % 2 * 0.7, 0, 1, 0, 1, 1, 1);
            DeviceSampler.Choice choice =
                    device.choose(new float[][] {logits}, List.of(o), null, count, 1);
            SampleOracle oracle = new SampleOracle(logits, null, o);
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
        float[][] logits = {{Float.NaN, Float.NEGATIVE_INFINITY}};
        assertThat(device.choose(logits, List.of(GREEDY), null, 2, 1).candidates())
                .containsExactly(-1, -1);
    }

    @Test
    void moreCandidatesThanTokensAreRefused() {
        assertThatThrownBy(() -> device.choose(new float[1][3], List.of(GREEDY), null, 4, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("4 candidates of 3 tokens");
    }
}
