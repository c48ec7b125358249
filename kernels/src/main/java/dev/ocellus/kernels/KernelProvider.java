package dev.ocellus.kernels;

import java.lang.foreign.Arena;
import java.util.List;

/**
 * A set of CPU kernels: the same operations, bound the same way, by different means. Thread-safe.
 */
public interface KernelProvider {
    /**
     * Short name, as reported and as forced by the property {@code ocellus.provider}: native,
     * vector, scalar.
     */
    String name();

    /** What it runs on, for people: instruction set, library. */
    String description();

    /** The type in which products with bfloat16 weights are fastest here. */
    default ComputeType preferredCompute() {
        return ComputeType.F32;
    }

    /**
     * Bytes of scratch memory (64-byte aligned) that {@link #bind} needs for this call; it is used
     * only while the launches run.
     */
    long scratchBytes(KernelCall call);

    /**
     * Makes the call runnable: the launches run in order, each starting when the one before has
     * ended.
     *
     * @param scratch address of {@link #scratchBytes} bytes, or 0 if none are needed
     * @param arena keeps argument structures; must live as long as the launches are used
     * @throws UnsupportedOperationException for Sample, which is for GPUs
     */
    List<Launch> bind(KernelCall call, long scratch, Arena arena);

    /** What {@link #bind} throws for Sample. */
    static UnsupportedOperationException refuse(KernelCall.Sample call) {
        return new UnsupportedOperationException(
                "the processor's kernels choose no tokens of "
                        + call.vocabulary()
                        + "; take the logits and choose from them");
    }
}
