package dev.ocellus.kernels;

/**
 * A bound kernel that can run any number of times. The work is split into independent units; the
 * pool hands out ranges of them. Holds no operand memory of its own: whoever bound it keeps the
 * operands alive.
 */
public interface Launch {
    /** Number of units for the counts that hold now. */
    long units();

    /**
     * Runs units [begin, end). Several threads may run disjoint ranges at once. Allocates nothing.
     */
    void run(long begin, long end);
}
