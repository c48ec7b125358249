package dev.ocellus.measure;

import dev.ocellus.device.ChromeTrace;
import dev.ocellus.graph.Cost;

/** A piece of work of an opened model that can be done again and again. For one thread. */
public interface Work extends AutoCloseable {
    /** What is done, for people: "prefill 512". */
    String name();

    /** Tokens or tiles of one run. */
    long units();

    /** What the units are: tokens or tiles. */
    String unit();

    /** Operations and bytes of one run, counted from shapes. */
    Cost cost();

    /** Makes ready for a run; not part of what is measured. */
    default void prepare() {}

    /** Does it once. */
    void run();

    /** Starts or ends the timing of each step. */
    void profiling(boolean on);

    /** The profile since profiling began. */
    ChromeTrace.Track track();

    /** Gives back the memory that runs have taken. */
    @Override
    void close();
}
