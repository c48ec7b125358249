package dev.ocellus.generate;

/** Why an answer ended. */
public enum FinishReason {
    /** The model gave a stop token. */
    STOP_TOKEN,
    /** The text came to a stop string. */
    STOP_STRING,
    /** As many tokens as were asked for. */
    MAX_TOKENS,
    /** The model's context is full. */
    CONTEXT_FULL,
    /** The caller cancelled. */
    CANCELLED
}
