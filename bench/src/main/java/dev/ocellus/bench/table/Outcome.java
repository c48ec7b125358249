package dev.ocellus.bench.table;

import dev.ocellus.measure.Medians;
import dev.ocellus.measure.Stopwatch;

import java.util.List;

/**
 * What came of a row.
 *
 * @param ours our figure, 0 if it was not measured
 * @param theirs the peer's or the ceiling's figure, 0 if it was not measured
 * @param ratio of the two: the median of the rounds' ratios; 0 if it was not measured
 * @param note what else there is to say, or why it was not measured; may be empty
 */
public record Outcome(double ours, double theirs, double ratio, String note) {

    public static Outcome skipped(String why) {
        return new Outcome(0, 0, 0, why);
    }

    public boolean measured() {
        return ratio > 0;
    }

    /** Two speeds from seconds: those of rounds taken in turn. */
    static Outcome speeds(
            double units, List<Stopwatch.Time> ours, List<Stopwatch.Time> theirs, String note) {
        double[] ratios = new double[ours.size()];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = theirs.get(i).seconds() / ours.get(i).seconds();
        }
        long disturbed =
                ours.stream().filter(Stopwatch.Time::disturbed).count()
                        + theirs.stream().filter(Stopwatch.Time::disturbed).count();
        return new Outcome(
                units / median(ours),
                units / median(theirs),
                Medians.of(ratios),
                disturbed == 0 ? note : join(note, disturbed + " disturbed measurements"));
    }

    static String join(String a, String b) {
        return a.isEmpty() || b.isEmpty() ? a + b : a + "; " + b;
    }

    static double median(List<Stopwatch.Time> times) {
        return Medians.of(times.stream().mapToDouble(Stopwatch.Time::seconds).toArray());
    }
}
