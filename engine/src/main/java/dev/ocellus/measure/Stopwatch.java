package dev.ocellus.measure;

import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.Clock;

import java.util.List;
import java.util.function.DoubleSupplier;

/**
 * Times work so that other processes falsify it little. Work on one thread is timed by the CPU time
 * of the calling thread, which makes time slices of others harmless. Work on several threads is
 * timed by the wall, and repeated, after a while of waiting, when other processes used more than
 * {@value #QUIET_CORES} cores beside it.
 */
public final class Stopwatch {
    private static final double QUIET_CORES = 0.15;
    private static final int TRIES = 4;
    private static final int WAITS = 12;
    private static final long WAIT_MILLIS = 250;

    private Stopwatch() {}

    /**
     * @param seconds of one run
     * @param disturbed whether others were busy in all tries; it is the least disturbed one then
     */
    public record Time(double seconds, boolean disturbed) {}

    /**
     * Times work that this process does on this many threads, the calling thread being one; with
     * {@link Ceilings#DEVICE} for their number work of a device, once, by the wall.
     */
    public static Time time(int threads, Runnable work) {
        Clock clock = Clock.of(threads);
        return time(
                threads,
                () -> {
                    double start = clock.seconds();
                    work.run();
                    return clock.seconds() - start;
                },
                List.of());
    }

    /**
     * Times work that times itself.
     *
     * @param work does it and gives its seconds, in CPU time for one thread
     * @param children processes that do it
     */
    public static Time time(int threads, DoubleSupplier work, List<ProcessHandle> children) {
        if (threads == 1 || threads == Ceilings.DEVICE) {
            return new Time(work.getAsDouble(), false);
        }
        double best = 0;
        double least = Double.POSITIVE_INFINITY;
        for (int i = 0; i < TRIES && least > QUIET_CORES; i++) {
            if (i > 0) {
                awaitQuiet(children);
            }
            OtherProcesses others = new OtherProcesses(children);
            double seconds = work.getAsDouble();
            double cores = others.cores();
            if (cores < least) {
                least = cores;
                best = seconds;
            }
        }
        return new Time(best, least > QUIET_CORES);
    }

    private static void awaitQuiet(List<ProcessHandle> children) {
        try {
            for (int i = 0; i < WAITS; i++) {
                OtherProcesses others = new OtherProcesses(children);
                Thread.sleep(WAIT_MILLIS);
                if (others.cores() < QUIET_CORES) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for a quiet machine", e);
        }
    }
}
