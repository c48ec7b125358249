package dev.ocellus.generate;

import java.lang.foreign.MemorySegment;

/** Takes the logits of a row. */
@FunctionalInterface
public interface LogitsSink extends RowSink {
    @Override
    default boolean wantsLogits() {
        return true;
    }

    @Override
    void logits(MemorySegment logits, MemorySegment hidden);
}
