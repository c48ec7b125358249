package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * How the token of one row is chosen. The order of the components is part of the interface of
 * {@code kernels/cuda/sample.cu}, eight bytes each.
 *
 * @param temperature 0 for the largest logit, else logits are divided by it
 * @param topK only the k most likely tokens and ties with the last of them; 0 for all
 * @param topP only the most likely tokens until their probability reaches p, one at least; 1 for
 *     all
 * @param minP only tokens with at least this share of the likeliest token's probability; 0 for all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that occurred;
 *     1 for none
 * @param seed key of the draw
 * @param step counter of the draw
 */
public record SampleOptions(
        double temperature,
        long topK,
        double topP,
        double minP,
        double repetitionPenalty,
        long seed,
        long step) {
    /** Bytes that a row's options take. */
    public static final long BYTES = 7 * Long.BYTES;

    /** Writes the options of row {@code row} of an array of them. */
    public void write(MemorySegment array, long row) {
        MemorySegment to = array.asSlice(row * BYTES, BYTES);
        to.set(JAVA_DOUBLE_UNALIGNED, 0, temperature);
        to.set(JAVA_LONG_UNALIGNED, 8, topK);
        to.set(JAVA_DOUBLE_UNALIGNED, 16, topP);
        to.set(JAVA_DOUBLE_UNALIGNED, 24, minP);
        to.set(JAVA_DOUBLE_UNALIGNED, 32, repetitionPenalty);
        to.set(JAVA_LONG_UNALIGNED, 40, seed);
        to.set(JAVA_LONG_UNALIGNED, 48, step);
    }
}
