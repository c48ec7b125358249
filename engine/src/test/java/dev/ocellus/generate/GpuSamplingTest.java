package dev.ocellus.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.cuda.DeviceSampler;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

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
        int[][] seen = new int[rows][(vocabulary + 31) / 32];
        int[] last = new int[rows];
        Arrays.fill(last, -1);
        for (int step = 0; step < steps; step++) {
            int[] expected = new int[rows];
            List<DeviceSampler.Row> given = new ArrayList<>();
            for (int r = 0; r < rows; r++) {
                float[] logits = new float[vocabulary];
                for (int i = 0; i < vocabulary; i++) {
                    logits[i] = (float) (spread * random.nextGaussian());
                }
                expected[r] = next(samplers.get(r), logits, step);
                given.add(
                        new DeviceSampler.Row(
                                logits,
                                DeviceChooser.options(OPTIONS.get(r), 0),
                                step,
                                seen[r],
                                last[r]));
            }
            DeviceSampler.Choice choice = device.choose(given, 0, rows);
            assertThat(choice.tokens()).as("step %d", step).containsExactly(expected);
            seen = choice.seen().toArray(int[][]::new);
            last = choice.tokens();
        }
    }

    private static int next(Sampler sampler, float[] logits, int step) {
        System.arraycopy(logits, 0, sampler.logits(), 0, logits.length);
        int token = sampler.next(step);
        sampler.occurred(token);
        return token;
    }
}
