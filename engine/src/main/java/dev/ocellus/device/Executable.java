package dev.ocellus.device;

import dev.ocellus.plan.Plan;

/**
 * A plan that is ready to run. One run at a time: {@link #begin} waits for the one before.
 * Thread-safe.
 */
public interface Executable extends AutoCloseable {

    Plan plan();

    /**
     * Starts a run.
     *
     * @throws IllegalStateException if closed, or if this thread has a run under way
     */
    Run begin();

    /** Time spent in each step since profiling began, or null when it is off. */
    Profile profile();

    /** Starts or ends profiling; starting clears what was measured. */
    void profiling(boolean on);

    @Override
    void close();
}
