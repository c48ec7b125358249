package dev.ocellus.tools;

import java.util.Locale;

/** Numbers for people. */
final class Units {
    private static final String[] BINARY = {"B", "KiB", "MiB", "GiB", "TiB"};
    private static final String[] DECIMAL = {"", "K", "M", "B", "T"};

    private Units() {}

    /** 1536 as "1.5 KiB". */
    static String bytes(long n) {
        return scaled(n, 1024, BINARY);
    }

    /** 7241732096 as "7.24 B". */
    static String count(long n) {
        return scaled(n, 1000, DECIMAL).strip();
    }

    private static String scaled(long n, int step, String[] names) {
        double value = n;
        int unit = 0;
        while (Math.abs(value) >= step && unit < names.length - 1) {
            value /= step;
            unit++;
        }
        if (unit == 0) {
            return n + " " + names[0];
        }
        int digits = value < 10 ? 2 : value < 100 ? 1 : 0;
        return String.format(Locale.ROOT, "%." + digits + "f %s", value, names[unit]);
    }

    /** Nanoseconds as "12.3 ms" or "1.24 s". */
    static String time(long nanos) {
        double ms = nanos * 1e-6;
        return ms < 1000
                ? String.format(Locale.ROOT, "%.1f ms", ms)
                : String.format(Locale.ROOT, "%.2f s", ms * 1e-3);
    }

    /** A speed with three digits. */
    static String rate(double perSecond) {
        return String.format(Locale.ROOT, perSecond < 100 ? "%.1f" : "%.0f", perSecond);
    }
}
