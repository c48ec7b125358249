package dev.ocellus.verify;

import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Tensor;

/**
 * How one tensor compares with the reference.
 *
 * @param tensor name, or empty when the case could not run
 * @param shape of the expected tensor
 * @param relativeL2 norm of the difference over the norm of the expected tensor
 * @param maxAbs largest difference
 * @param judged whether the verdict counts; in reduced precision what follows from a discrete
 *     choice does not
 * @param why reason of a failure, or null
 */
public record Verdict(
        String tensor,
        String shape,
        double relativeL2,
        double maxAbs,
        boolean passed,
        boolean judged,
        String why) {

    static Verdict failed(String tensor, String why) {
        return new Verdict(tensor, "", Double.NaN, Double.NaN, false, true, why);
    }

    /**
     * @param exact whether every element must be equal
     * @param judged whether the verdict counts
     */
    static Verdict of(
            String name,
            Tensor ours,
            Tensor expected,
            boolean exact,
            ParityCase.Tolerance limit,
            boolean judged) {
        String shape = expected.shape().toString();
        if (!ours.shape().equals(expected.shape())) {
            return new Verdict(
                    name,
                    shape,
                    Double.NaN,
                    Double.NaN,
                    !judged,
                    judged,
                    "our shape is " + ours.shape());
        }
        long n = expected.shape().elements();
        Tensor a = ours.reshape(n);
        Tensor b = expected.reshape(n);
        double difference = 0;
        double norm = 0;
        double most = 0;
        long unequal = 0;
        for (long i = 0; i < n; i++) {
            double x = value(a, i);
            double y = value(b, i);
            double d = Math.abs(x - y);
            if (!(x == y)) {
                unequal++;
            }
            difference += d * d;
            norm += y * y;
            most = d > most || Double.isNaN(d) ? d : most;
        }
        double relative = Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-12);
        // Written so that NaN never passes.
        boolean passed =
                exact
                        ? unequal == 0
                        : relative <= limit.relativeL2()
                                && (Double.isNaN(limit.maxAbs()) || most <= limit.maxAbs());
        String why =
                passed
                        ? null
                        : exact
                                ? unequal + " of " + n + " elements differ"
                                : "over the limit " + limits(limit);
        return new Verdict(name, shape, relative, most, passed || !judged, judged, why);
    }

    private static String limits(ParityCase.Tolerance t) {
        return Double.isNaN(t.maxAbs())
                ? "%.1e".formatted(t.relativeL2())
                : "%.1e, max %.1e".formatted(t.relativeL2(), t.maxAbs());
    }

    private static double value(Tensor t, long i) {
        DType d = t.dtype();
        return d.isFloat() ? t.getDouble(i) : (double) t.getLong(i);
    }
}
