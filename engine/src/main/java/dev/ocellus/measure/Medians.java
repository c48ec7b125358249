package dev.ocellus.measure;

import java.util.Arrays;

/** The middle of measurements, which a few bad ones don't move. */
public final class Medians {
    private Medians() {}

    /** The middle value, or the mean of the two in the middle. */
    public static double of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }
}
