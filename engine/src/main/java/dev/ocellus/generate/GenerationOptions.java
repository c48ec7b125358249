package dev.ocellus.generate;

import java.util.List;

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

    public GenerationOptions withMaxNewTokens(int n) {
        return new GenerationOptions(
                n, temperature, topK, topP, minP, repetitionPenalty, seed, stopStrings, stopTokens);
    }

    public GenerationOptions withTemperature(double t) {
        return new GenerationOptions(
                maxNewTokens,
                t,
                topK,
                topP,
                minP,
                repetitionPenalty,
                seed,
                stopStrings,
                stopTokens);
    }

    public GenerationOptions withTopK(int k) {
        return new GenerationOptions(
                maxNewTokens,
                temperature,
                k,
                topP,
                minP,
                repetitionPenalty,
                seed,
                stopStrings,
                stopTokens);
    }

    public GenerationOptions withTopP(double p) {
        return new GenerationOptions(
                maxNewTokens,
                temperature,
                topK,
                p,
                minP,
                repetitionPenalty,
                seed,
                stopStrings,
                stopTokens);
    }

    public GenerationOptions withMinP(double p) {
        return new GenerationOptions(
                maxNewTokens,
                temperature,
                topK,
                topP,
                p,
                repetitionPenalty,
                seed,
                stopStrings,
                stopTokens);
    }

    public GenerationOptions withRepetitionPenalty(double p) {
        return new GenerationOptions(
                maxNewTokens, temperature, topK, topP, minP, p, seed, stopStrings, stopTokens);
    }

    public GenerationOptions withSeed(long s) {
        return new GenerationOptions(
                maxNewTokens,
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                s,
                stopStrings,
                stopTokens);
    }

    public GenerationOptions withStopStrings(List<String> texts) {
        return new GenerationOptions(
                maxNewTokens,
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                seed,
                texts,
                stopTokens);
    }

    public GenerationOptions withStopTokens(List<Integer> ids) {
        return new GenerationOptions(
                maxNewTokens,
                temperature,
                topK,
                topP,
                minP,
                repetitionPenalty,
                seed,
                stopStrings,
                ids);
    }
}
