package dev.ocellus.measure;

import dev.ocellus.device.ChromeTrace;

/** A piece of work that can be done again and again. */
interface Work extends AutoCloseable {
    /** Does it and gives the seconds it took. */
    double run();

    /** The figures of a run that took this long. */
    Measured measured(double seconds);

    /** Starts or ends the timing of each step. */
    void profiling(boolean on);

    /** The profile since profiling began. */
    ChromeTrace.Track track();

    @Override
    void close();
}
