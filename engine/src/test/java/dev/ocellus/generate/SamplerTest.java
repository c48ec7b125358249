package dev.ocellus.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.Weights;
import dev.ocellus.loader.safetensors.StoredTensor;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

class SamplerTest {
    private static final GenerationOptions DRAWS = GenerationOptions.DEFAULT.withTemperature(1);

    /** Against the transformers library; see tools/reference/sampling/processors.py. */
    @Test
    void processorsEqualTheReference() throws URISyntaxException {
        Path file = Path.of(SamplerTest.class.getResource("processors.safetensors").toURI());
        int cases = 0;
        try (Checkpoint reference = Checkpoint.open(file)) {
            Weights w = reference.weights();
            for (; w.has("logits." + cases); cases++) {
                float[] logits = bytes(w.get("logits." + cases)).toArray(ValueLayout.JAVA_FLOAT);
                double[] o = bytes(w.get("options." + cases)).toArray(ValueLayout.JAVA_DOUBLE);
                GenerationOptions options =
                        GenerationOptions.DEFAULT
                                .withTemperature(o[0])
                                .withTopK((int) o[1])
                                .withTopP(o[2])
                                .withMinP(o[3])
                                .withRepetitionPenalty(o[4]);
                Sampler sampler = new Sampler(options, logits.length);
                System.arraycopy(logits, 0, sampler.logits(), 0, logits.length);
                for (long id : bytes(w.get("seen." + cases)).toArray(ValueLayout.JAVA_LONG)) {
                    sampler.occurred((int) id);
                }
                sampler.process();
                float[] want = bytes(w.get("processed." + cases)).toArray(ValueLayout.JAVA_FLOAT);
                assertSame("case " + cases + ", " + options, sampler.logits(), want);
            }
        }
        assertThat(cases).isEqualTo(240);
    }

    /**
     * The same tokens with the same values, but for the choice among equals at the cut of top-p.
     */
    private static void assertSame(String name, float[] got, float[] want) {
        float[] sortedGot = got.clone();
        float[] sortedWant = want.clone();
        Arrays.sort(sortedGot);
        Arrays.sort(sortedWant);
        assertThat(sortedGot).as(name).containsExactly(sortedWant);
        float least = Float.POSITIVE_INFINITY;
        for (float v : want) {
            least = v > Float.NEGATIVE_INFINITY ? Math.min(least, v) : least;
        }
        for (int i = 0; i < got.length; i++) {
            if (got[i] > least || want[i] > least) {
                assertThat(got[i]).as("%s, token %d", name, i).isEqualTo(want[i]);
            }
        }
    }

    private static MemorySegment bytes(StoredTensor t) {
        MemorySegment s = MemorySegment.ofArray(new long[(int) (t.byteSize() + 7) / 8]);
        t.copyTo(0, s.asSlice(0, t.byteSize()));
        return s.asSlice(0, t.byteSize());
    }

    private static int next(Sampler sampler, long step, float... logits) {
        System.arraycopy(logits, 0, sampler.logits(), 0, logits.length);
        return sampler.next(step);
    }

    @Test
    void greedyTakesTheFirstOfTheLargest() {
        Sampler s = new Sampler(GenerationOptions.DEFAULT, 4);
        assertThat(next(s, 0, 1, 3, 3, 2)).isEqualTo(1);
        assertThat(next(s, 1, Float.NaN, -5, -3, Float.NEGATIVE_INFINITY)).isEqualTo(2);
        assertThat(next(s, 2, 0, 1, Float.POSITIVE_INFINITY, 2)).isEqualTo(2);
    }

    @Test
    void logitsThatAreNoNumbersAreAnError() {
        for (GenerationOptions o : new GenerationOptions[] {GenerationOptions.DEFAULT, DRAWS}) {
            assertThatThrownBy(() -> next(new Sampler(o, 2), 0, Float.NaN, Float.NaN))
                    .isInstanceOf(ArithmeticException.class)
                    .hasMessageContaining("no logit that is a number");
        }
    }

    @Test
    void aCertainTokenIsAlwaysDrawn() {
        Sampler s = new Sampler(DRAWS.withTemperature(1e-6), 3);
        for (int step = 0; step < 100; step++) {
            assertThat(next(s, step, 0.5f, 0.50001f, -2)).isEqualTo(1);
            assertThat(next(s, step, 0, Float.POSITIVE_INFINITY, 1)).isEqualTo(1);
        }
    }

    @Test
    void drawsFollowTheProbabilities() {
        float[] logits = {0, 1, 2, -1, Float.NEGATIVE_INFINITY, 0.5f};
        double total = 0;
        for (float v : logits) {
            total += Math.exp(v);
        }
        for (long seed : new long[] {1, 2, 99, -7}) {
            Sampler s = new Sampler(DRAWS.withSeed(seed), logits.length);
            int n = 20_000;
            int[] counts = new int[logits.length];
            for (int step = 0; step < n; step++) {
                counts[next(s, step, logits)]++;
            }
            assertThat(counts[4]).isZero();
            double chi = 0;
            for (int i = 0; i < logits.length; i++) {
                double expected = n * Math.exp(logits[i]) / total;
                chi += expected == 0 ? 0 : Math.pow(counts[i] - expected, 2) / expected;
            }
            // 99.9 % of the distribution with 4 degrees of freedom.
            assertThat(chi).as("seed %d", seed).isLessThan(18.47);
        }
    }

    @Test
    void theSameSeedGivesTheSameTokens() {
        assertThat(draws(5)).containsExactly(draws(5)).isNotEqualTo(draws(6));
    }

    private static int[] draws(long seed) {
        Sampler s = new Sampler(DRAWS.withSeed(seed), 50);
        float[] flat = new float[50];
        return IntStream.range(0, 64).map(step -> next(s, step, flat)).toArray();
    }

    @Test
    void idsPastTheVocabularyHaveNoPenalty() {
        Sampler s = new Sampler(GenerationOptions.DEFAULT.withRepetitionPenalty(2), 2);
        s.occurred(-1);
        s.occurred(2);
        s.occurred(1);
        assertThat(next(s, 0, 3, 5)).isZero();
    }

    @Test
    void aTokenAllocatesNothing() {
        GenerationOptions options =
                DRAWS.withTopK(500).withTopP(0.9).withMinP(0.01).withRepetitionPenalty(1.1);
        int vocabulary = 5000;
        Sampler s = new Sampler(options, vocabulary);
        Random random = new Random(4);
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = (float) random.nextGaussian();
        }
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = 0;
        int sum = 0;
        for (int step = 0; step < 40; step++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            sum += next(s, step, logits);
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertThat(sum).isPositive();
        assertThat(allocated).isZero();
    }
}
