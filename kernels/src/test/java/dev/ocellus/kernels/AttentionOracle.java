package dev.ocellus.kernels;

/** Softmax attention of one query vector in double precision, with a bound on float32's error. */
final class AttentionOracle {
    /** An element of a key or value. */
    interface Element {
        float at(long key, long i);
    }

    /**
     * Writes the result and its tolerance at {@code column} of the two rows.
     *
     * @param q the query vector
     */
    static void attend(
            float[] q,
            long keys,
            Element k,
            Element v,
            double scale,
            double[] result,
            double[] tolerance,
            int column) {
        double[] scores = new double[(int) keys];
        double max = Double.NEGATIVE_INFINITY;
        double scoreError = 0;
        for (int t = 0; t < keys; t++) {
            int key = t;
            scores[t] = scale * Oracle.sum(q.length, i -> (double) q[(int) i] * k.at(key, i));
            double terms = Oracle.absSum(q.length, i -> (double) q[(int) i] * k.at(key, i));
            // The dot product, then the product with the scale and perhaps with log2(e).
            double error = (q.length + 4) * Oracle.U * Math.abs(scale) * terms;
            scoreError = Math.max(scoreError, error);
            max = Math.max(max, scores[t]);
        }
        double total = 0;
        for (int t = 0; t < keys; t++) {
            scores[t] = Math.exp(scores[t] - max);
            total += scores[t];
        }
        // A weight and the maximum are both off by the scores' error; each key adds a rounding to
        // the sums and perhaps one by a new maximum; the exponential and the division add theirs.
        double relative = 2 * scoreError + (2 * keys + 16) * Oracle.U;
        for (int i = 0; i < q.length; i++) {
            int column0 = i;
            double sum = total;
            result[column + i] = Oracle.sum(keys, t -> scores[(int) t] / sum * v.at(t, column0));
            tolerance[column + i] =
                    relative * Oracle.absSum(keys, t -> scores[(int) t] / sum * v.at(t, column0));
        }
    }

    private AttentionOracle() {}
}
