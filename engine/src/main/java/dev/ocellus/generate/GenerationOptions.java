package dev.ocellus.generate;

import java.util.List;
import java.util.function.Consumer;

/**
 * How tokens are chosen and when generation ends. Defaults are greedy.
 *
 * @param maxNewTokens tokens at most, the stop token included
 * @param temperature 0 for greedy; else logits are divided by it; at least 0.000001 then
 * @param topK only the k most likely tokens (and ties with the last of them) can be drawn; 0 for
 *     all
 * @param topP only the smallest set of most likely tokens whose probability reaches p; 1 for all
 * @param minP only tokens with at least this share of the likeliest token's probability; 0 for all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that occurred
 *     (Keskar et al. 2019); 1 for none
 * @param seed of the draws; the same seed gives the same answer
 * @param stopStrings texts that end the answer and are not part of it
 * @param stopTokens ids that end generation beside those of the model
 */
public record GenerationOptions(
        int maxNewTokens,
        double temperature,
        int topK,
        double topP,
        double minP,
        double repetitionPenalty,
        long seed,
        List<String> stopStrings,
        List<Integer> stopTokens) {

    /** Greedy, up to 1024 tokens. */
    public static final GenerationOptions DEFAULT =
            new GenerationOptions(1024, 0, 0, 1, 0, 1, 0, List.of(), List.of());

    public GenerationOptions {
        check(maxNewTokens >= 1, "maxNewTokens", maxNewTokens, "at least 1");
        check(
                temperature == 0 || temperature >= 1e-6 && Double.isFinite(temperature),
                "temperature",
                temperature,
                "0 (greedy) or at least 0.000001");
        check(topK >= 0, "topK", topK, "0 (all) or more");
        check(topP > 0 && topP <= 1, "topP", topP, "over 0 and at most 1");
        check(minP >= 0 && minP <= 1, "minP", minP, "between 0 and 1");
        check(
                (float) repetitionPenalty > 0 && Float.isFinite((float) repetitionPenalty),
                "repetitionPenalty",
                repetitionPenalty,
                "over 0 and finite");
        stopStrings = List.copyOf(stopStrings);
        stopTokens = List.copyOf(stopTokens);
        check(
                stopStrings.stream().noneMatch(String::isEmpty),
                "stopStrings",
                stopStrings,
                "texts that are not empty");
    }

    private static void check(boolean good, String name, Object value, String rule) {
        if (!good) {
            throw new IllegalArgumentException(name + " is " + value + "; it must be " + rule);
        }
    }

    public GenerationOptions withMaxNewTokens(int tokens) {
        return with(f -> f.maxNewTokens = tokens);
    }

    public GenerationOptions withTemperature(double value) {
        return with(f -> f.temperature = value);
    }

    public GenerationOptions withTopK(int tokens) {
        return with(f -> f.topK = tokens);
    }

    public GenerationOptions withTopP(double share) {
        return with(f -> f.topP = share);
    }

    public GenerationOptions withMinP(double share) {
        return with(f -> f.minP = share);
    }

    public GenerationOptions withRepetitionPenalty(double factor) {
        return with(f -> f.repetitionPenalty = factor);
    }

    public GenerationOptions withSeed(long value) {
        return with(f -> f.seed = value);
    }

    public GenerationOptions withStopStrings(List<String> texts) {
        return with(f -> f.stopStrings = texts);
    }

    public GenerationOptions withStopTokens(List<Integer> ids) {
        return with(f -> f.stopTokens = ids);
    }

    /** A copy in which {@code change} may set components; the record's own rules apply to it. */
    private GenerationOptions with(Consumer<Fields> change) {
        Fields f = new Fields();
        f.maxNewTokens = maxNewTokens;
        f.temperature = temperature;
        f.topK = topK;
        f.topP = topP;
        f.minP = minP;
        f.repetitionPenalty = repetitionPenalty;
        f.seed = seed;
        f.stopStrings = stopStrings;
        f.stopTokens = stopTokens;
        change.accept(f);
        return new GenerationOptions(
                f.maxNewTokens,
                f.temperature,
                f.topK,
                f.topP,
                f.minP,
                f.repetitionPenalty,
                f.seed,
                f.stopStrings,
                f.stopTokens);
    }

    /** The components of a copy that is being made. */
    private static final class Fields {
        private int maxNewTokens;
        private double temperature;
        private int topK;
        private double topP;
        private double minP;
        private double repetitionPenalty;
        private long seed;
        private List<String> stopStrings;
        private List<Integer> stopTokens;
    }
}
