package dev.ocellus;

import dev.ocellus.generate.FinishReason;

import java.util.List;

/**
 * A finished answer.
 *
 * @param text without special tokens and without what stopped it, trimmed
 * @param tokenIds new tokens, the stop token included
 * @param promptTokens tokens of the whole conversation before the answer
 * @param reusedTokens those of them that were cached from earlier turns
 * @param timings where the time went
 */
public record Answer(
        String text,
        List<Integer> tokenIds,
        FinishReason finishReason,
        int promptTokens,
        int reusedTokens,
        Timings timings) {

    /**
     * Nanoseconds: making the visual tokens that were not cached, the language model's work on the
     * prompt until the first token, and on all further tokens.
     */
    public record Timings(long imageNanos, long prefillNanos, long decodeNanos) {}

    /** Tokens per second after the first one; NaN when there was only one. */
    public double tokensPerSecond() {
        return tokenIds.size() < 2
                ? Double.NaN
                : (tokenIds.size() - 1) / (timings.decodeNanos() * 1e-9);
    }

    @Override
    public String toString() {
        return text;
    }
}
