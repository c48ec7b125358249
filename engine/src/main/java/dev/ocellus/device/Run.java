package dev.ocellus.device;

import dev.ocellus.graph.Count;

import java.lang.foreign.MemorySegment;
import java.util.function.BooleanSupplier;

/**
 * One use of an executable: set the counts, fill the inputs, execute, read the outputs, close. The
 * segments are views of the plan's memory and are good until the run is closed. For one thread.
 *
 * <p>Inputs share memory with what is computed from them: before a second execution all of them are
 * to be filled again. Counts stay.
 */
public interface Run extends AutoCloseable {

    /**
     * Sets how many leading entries of the tensors with this count hold data.
     *
     * @throws IllegalArgumentException if the plan has no such count or no room for so many
     */
    void count(Count count, long actual);

    /**
     * Memory of an input at full capacity, row-major without gaps. What is not written is whatever
     * was there before.
     *
     * @throws IllegalArgumentException if the plan has no such input
     */
    MemorySegment input(String label);

    /**
     * Asks for an output that is optional in the plan's graph; others come in any case. To be said
     * before {@link #execute}, and holds until the run is closed.
     *
     * @throws IllegalArgumentException if the plan has no such output
     */
    void want(String label);

    /**
     * Runs all steps.
     *
     * @param cancelled asked between steps
     * @throws java.util.concurrent.CancellationException when it said so; outputs are then
     *     undefined
     */
    void execute(BooleanSupplier cancelled);

    /**
     * Memory of an output at full capacity, row-major without gaps.
     *
     * @throws IllegalArgumentException if the plan has no such output
     * @throws IllegalStateException if it is optional and this run does not {@link #want} it
     */
    MemorySegment output(String label);

    @Override
    void close();
}
