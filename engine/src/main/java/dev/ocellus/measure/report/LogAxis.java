package dev.ocellus.measure.report;

/**
 * A logarithmic axis of a picture.
 *
 * @param from value at {@code start}
 * @param to value at {@code end}
 * @param start place of the first value, in units of the picture
 * @param end place of the last value
 */
record LogAxis(double from, double to, double start, double end) {

    /** Place of a value; values beyond the axis are put at its ends. */
    double at(double value) {
        double v = Math.clamp(value, from, to);
        return start + (end - start) * Math.log(v / from) / Math.log(to / from);
    }
}
