package dev.ocellus.kernels;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/** Which time a measurement takes. */
public enum Clock {
    /**
     * Time that the calling thread spent on a processor: what other processes take from it does not
     * count. Where the system keeps no such time, wall time.
     */
    THREAD_CPU {
        @Override
        public double seconds() {
            return CPU_TIME ? THREADS.getCurrentThreadCpuTime() * 1e-9 : WALL.seconds();
        }
    },
    /** Time that passed. */
    WALL {
        @Override
        public double seconds() {
            return System.nanoTime() * 1e-9;
        }
    };

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final boolean CPU_TIME = THREADS.isCurrentThreadCpuTimeSupported();

    /**
     * The clock of work on this many threads: only that of one thread has a CPU time of its own.
     */
    public static Clock of(int threads) {
        return threads == 1 ? THREAD_CPU : WALL;
    }

    /**
     * Seconds since some moment; only differences between readings of one thread mean something.
     */
    public abstract double seconds();
}
