package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

import java.util.function.LongToDoubleFunction;

/** Softmax attention of one query vector in double precision, with a bound on float32's error. */
final class AttentionOracle {
    /** An element of a key or value. */
    interface Element {
        float at(long key, long i);
    }

    /** Half a unit in the last place of bfloat16, relative. */
    private static final double BF16_U = 0x1p-8;

    /**
     * Writes the result and its tolerance at {@code column} of the two rows.
     *
     * @param q the query vector
     * @param first the first key that counts, of {@code keys}
     */
    static void attend(
            float[] q,
            long first,
            long keys,
            ComputeType compute,
            Element k,
            Element v,
            double scale,
            double[] result,
            double[] tolerance,
            int column) {
        boolean rounded = compute == ComputeType.BF16;
        double[] scores = new double[(int) keys];
        double max = Double.NEGATIVE_INFINITY;
        double scoreError = 0;
        for (int t = (int) first; t < keys; t++) {
            int key = t;
            LongToDoubleFunction product =
                    i -> factor(rounded, q[(int) i]) * factor(rounded, k.at(key, i));
            scores[t] = scale * Oracle.sum(q.length, product);
            double terms = Oracle.absSum(q.length, product);
            // The dot product, then the product with the scale and perhaps with log2(e).
            double error = (q.length + 4) * Oracle.U * Math.abs(scale) * terms;
            scoreError = Math.max(scoreError, error);
            max = Math.max(max, scores[t]);
        }
        double total = 0;
        for (int t = (int) first; t < keys; t++) {
            scores[t] = Math.exp(scores[t] - max);
            total += scores[t];
        }
        // A weight and the maximum are both off by the scores' error; each key adds a rounding to
        // the sums and perhaps one by a new maximum; the exponential and the division add theirs.
        double relative = 2 * scoreError + (2 * keys + 16) * Oracle.U + (rounded ? 2 * BF16_U : 0);
        for (int i = 0; i < q.length; i++) {
            int column0 = i;
            double sum = total;
            LongToDoubleFunction weighted =
                    t -> t < first ? 0 : scores[(int) t] / sum * factor(rounded, v.at(t, column0));
            result[column + i] = Oracle.sum(keys, weighted);
            // What is below the normal range may be lost.
            tolerance[column + i] = relative * Oracle.absSum(keys, weighted) + Float.MIN_NORMAL;
        }
    }

    private static double factor(boolean rounded, float x) {
        return rounded ? Operands.rounded(DType.BF16, x) : x;
    }

    private AttentionOracle() {}
}
