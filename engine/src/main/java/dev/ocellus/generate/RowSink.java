package dev.ocellus.generate;

import dev.ocellus.kernels.SampleOptions;

import java.lang.foreign.MemorySegment;

/**
 * Where the results of one row of a step go. What nobody wants stays on the device. The methods may
 * be called in another thread that is decoding, and must not decode themselves.
 */
public interface RowSink {
    /** Wants nothing: for measuring. */
    RowSink NOTHING = new RowSink() {};

    /** Whether {@link #logits} is to be called. */
    default boolean wantsLogits() {
        return false;
    }

    /**
     * Says before the step how a device that chooses tokens is to choose this row's.
     *
     * @param rows as {@link SampleOptions#write} lays them out
     */
    default void options(MemorySegment rows, int row) {
        SampleOptions.GREEDY.write(rows, row, -1, 0);
    }

    /** Takes the token that the device chose, where it does; -1 if no logit is a number. */
    default void token(int id) {}

    /**
     * Takes what is valid until this returns.
     *
     * @param logits float32 [vocabulary]
     * @param hidden float32 [hidden], after the final norm
     */
    default void logits(MemorySegment logits, MemorySegment hidden) {}
}
