package dev.ocellus.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.cuda.DeviceSampler;
import dev.ocellus.kernels.cuda.SampleOptions;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/** A GPU chooses the tokens that {@link Sampler} chooses. */
class GpuSamplingTest {
    private static final List<GenerationOptions> OPTIONS =
            List.of(
                    GenerationOptions.DEFAULT,
                    GenerationOptions.DEFAULT.withRepetitionPenalty(1.2),
                    with(1),
                    with(0.7).withTopK(50),
                    with(0.8).withTopP(0.95),
                    with(1.2).withTopK(20).withTopP(0.8).withRepetitionPenalty(1.05),
                    with(1).withMinP(0.05),
                    with(0.9).withTopK(200).withTopP(0.99).withMinP(0.01));

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

    private static GenerationOptions with(double temperature) {
        return GenerationOptions.DEFAULT.withTemperature(temperature).withSeed(-17);
    }

    @ParameterizedTest
    @CsvSource({"50, 20, 1", "3000, 10, 3", "3000, 4, 0.1", "151674, 1, 4"})
    void tokensAreTheSame(int vocabulary, int steps, double spread) {
        RandomGenerator random = new SplittableRandom(vocabulary);
        int rows = OPTIONS.size();
        List<Sampler> samplers =
                OPTIONS.stream().map(options -> new Sampler(options, vocabulary)).toList();
        int[] seen = new int[rows * ((vocabulary + 31) / 32)];
        for (int step = 0; step < steps; step++) {
            int now = step;
            float[][] logits = new float[rows][vocabulary];
            for (float[] row : logits) {
                for (int i = 0; i < vocabulary; i++) {
                    row[i] = (float) (spread * random.nextGaussian());
                }
            }
            int[] expected =
                    IntStream.range(0, rows)
                            .map(r -> next(samplers.get(r), logits[r], now))
                            .toArray();
            List<SampleOptions> options = OPTIONS.stream().map(o -> onDevice(o, now)).toList();
            DeviceSampler.Choice choice = device.choose(logits, options, seen, 0, rows);
            assertThat(choice.tokens()).as("step %d", step).containsExactly(expected);
            seen = choice.seen();
        }
    }

    private static int next(Sampler sampler, float[] logits, int step) {
        System.arraycopy(logits, 0, sampler.logits(), 0, logits.length);
        int token = sampler.next(step);
        sampler.occurred(token);
        return token;
    }

    private static SampleOptions onDevice(GenerationOptions o, long step) {
        return new SampleOptions(
                o.temperature(),
                o.topK(),
                o.topP(),
                o.minP(),
                o.repetitionPenalty(),
                o.seed(),
                step);
    }
}
