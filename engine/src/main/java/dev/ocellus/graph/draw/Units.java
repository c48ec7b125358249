package dev.ocellus.graph.draw;

import java.util.Locale;

/** Quantities as people read them: three digits and an SI prefix. */
public final class Units {
    private static final String[] PREFIXES = {"", "k", "M", "G", "T", "P", "E"};

    private Units() {}

    /** As in "362 GFLOP". */
    public static String si(double amount, String unit) {
        double v = amount;
        int p = 0;
        // What would round to 1000 of one prefix is 1 of the next.
        while (Math.abs(v) >= 999.5 && p < PREFIXES.length - 1) {
            v /= 1000;
            p++;
        }
        return digits(v, p == 0 && amount == Math.rint(amount)) + " " + PREFIXES[p] + unit;
    }

    /** A share of a whole, as in "12.5 %"; empty when the whole is nothing. */
    public static String percent(double part, double whole) {
        if (whole == 0) {
            return "";
        }
        double share = 100 * part / whole;
        return share > 0 && share < 0.05
                ? "< 0.1 %"
                : String.format(Locale.ROOT, share < 99.95 ? "%.1f %%" : "%.0f %%", share);
    }

    private static String digits(double v, boolean whole) {
        double size = Math.abs(v);
        int decimals = whole || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
        return String.format(Locale.ROOT, "%." + decimals + "f", v);
    }
}
