package dev.ocellus.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * How {@link KernelCall.Sample} chooses the tokens of one sequence.
 *
 * @param temperature 0 for the largest logit, else logits are divided by it
 * @param topK only the k most likely tokens and ties with the last of them; 0 for all
 * @param topP only the most likely tokens until their probability reaches p, one at least; 1 for
 *     all
 * @param minP only tokens with at least this share of the likeliest token's probability; 0 for all
 * @param repetitionPenalty divides positive and multiplies negative logits of tokens that occurred;
 *     without effect where {@code seen} is 0
 * @param seed key of the draws
 * @param seen address of {@link #seenBytes} bytes that say which tokens occurred, one bit each, the
 *     first token in the lowest bit of an int32; 0 for no penalty. No other row of a call may have
 *     the same
 */
public record SampleOptions(
        double temperature,
        long topK,
        double topP,
        double minP,
        double repetitionPenalty,
        long seed,
        long seen) {
    /** The largest logit. */
    public static final SampleOptions GREEDY = new SampleOptions(0, 0, 1, 0, 1, 0, 0);

    /** Fields of a row, eight bytes each. */
    public static final int FIELDS = 9;

    /** Bytes that a row takes. */
    public static final long BYTES = (long) FIELDS * Long.BYTES;

    /** Bytes of the bits of a vocabulary. */
    public static long seenBytes(long vocabulary) {
        return Math.ceilDiv(vocabulary, Integer.SIZE) * Integer.BYTES;
    }

    /**
     * Writes a row of an array of them, without allocating. The order of the fields is that of the
     * structure in {@code kernels/cuda/sampling.cuh}.
     *
     * @param occurred a token that counts as having occurred and is added to {@code seen} when the
     *     call runs, which makes no difference the second time; -1 for none
     * @param step counter of the draw
     */
    public void write(MemorySegment rows, long row, long occurred, long step) {
        long at = row * BYTES;
        rows.set(JAVA_DOUBLE_UNALIGNED, at, temperature);
        rows.set(JAVA_LONG_UNALIGNED, at + 8, topK);
        rows.set(JAVA_DOUBLE_UNALIGNED, at + 16, topP);
        rows.set(JAVA_DOUBLE_UNALIGNED, at + 24, minP);
        rows.set(JAVA_DOUBLE_UNALIGNED, at + 32, repetitionPenalty);
        rows.set(JAVA_LONG_UNALIGNED, at + 40, seed);
        rows.set(JAVA_LONG_UNALIGNED, at + 48, seen);
        rows.set(JAVA_LONG_UNALIGNED, at + 56, occurred);
        rows.set(JAVA_LONG_UNALIGNED, at + 64, step);
    }
}
