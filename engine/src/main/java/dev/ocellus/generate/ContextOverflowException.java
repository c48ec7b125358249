package dev.ocellus.generate;

/** A prompt that is longer than the model's context. */
public final class ContextOverflowException extends RuntimeException {
    private final long promptTokens;
    private final long contextTokens;

    public ContextOverflowException(long promptTokens, long contextTokens) {
        super(
                "the prompt has "
                        + promptTokens
                        + " tokens and the model's context is "
                        + contextTokens
                        + "; shorten the conversation or use fewer or smaller images");
        this.promptTokens = promptTokens;
        this.contextTokens = contextTokens;
    }

    public long promptTokens() {
        return promptTokens;
    }

    public long contextTokens() {
        return contextTokens;
    }
}
