package dev.ocellus.measure;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * How busy other processes keep the machine, from Linux's {@code /proc/stat}; elsewhere they are
 * taken to be idle.
 */
final class OtherProcesses {
    private static final Path STAT = Path.of("/proc/stat");

    /** The unit of the file: a hundredth of a second on every platform that Java runs on. */
    private static final double TICK = 0.01;

    private final List<ProcessHandle> children;
    private final double start = now();
    private final double busy;
    private final double own;

    /**
     * Begins to watch.
     *
     * @param children processes whose work is part of the measurement
     */
    OtherProcesses(List<ProcessHandle> children) {
        this.children = children;
        busy = busySeconds();
        own = ownSeconds();
    }

    /** Cores that others used on average since watching began, as far as the ticks can tell. */
    double cores() {
        double seconds = now() - start;
        double others = busySeconds() - busy - (ownSeconds() - own) - 3 * TICK;
        return seconds <= 0 ? 0 : Math.max(0, others / seconds);
    }

    private static double now() {
        return System.nanoTime() * 1e-9;
    }

    /** Time of all processors but idle and waiting ones; stolen time is somebody else's work. */
    private static double busySeconds() {
        try {
            String[] fields = Files.readString(STAT).lines().findFirst().orElse("").split(" +");
            double ticks = 0;
            // user nice system [idle iowait] irq softirq steal
            for (int i : new int[] {1, 2, 3, 6, 7, 8}) {
                ticks += i < fields.length ? Double.parseDouble(fields[i]) : 0;
            }
            return ticks * TICK;
        } catch (IOException | NumberFormatException e) {
            return 0;
        }
    }

    private double ownSeconds() {
        double seconds = 0;
        if (ManagementFactory.getOperatingSystemMXBean()
                instanceof com.sun.management.OperatingSystemMXBean system) {
            seconds += system.getProcessCpuTime() * 1e-9;
        }
        for (ProcessHandle child : children) {
            seconds += child.info().totalCpuDuration().orElse(Duration.ZERO).toNanos() * 1e-9;
        }
        return seconds;
    }
}
