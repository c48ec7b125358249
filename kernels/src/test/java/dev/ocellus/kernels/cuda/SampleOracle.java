package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.SampleOptions;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** The choice of a token in plain Java, by sorting. */
final class SampleOracle {
    private final SampleOptions options;
    private final long step;

    /** After penalty and temperature; minus infinity for what is not a number. */
    private final float[] scores;

    /** All tokens, the best first. */
    private final Integer[] order;

    private final boolean[] kept;

    SampleOracle(DeviceSampler.Row row) {
        options = row.options();
        step = row.step();
        int[] seen = row.seenAfter();
        float penalty = (float) options.repetitionPenalty();
        float temperature = options.temperature() > 0 ? (float) options.temperature() : 1;
        scores = row.logits().clone();
        for (int i = 0; i < scores.length; i++) {
            if (seen != null && (seen[i / 32] >> i % 32 & 1) == 1) {
                scores[i] = scores[i] < 0 ? scores[i] * penalty : scores[i] / penalty;
            }
            scores[i] /= temperature;
            // Zeros of either sign are equal.
            scores[i] =
                    Float.isNaN(scores[i])
                            ? Float.NEGATIVE_INFINITY
                            : scores[i] == 0 ? 0 : scores[i];
        }
        order =
                IntStream.range(0, scores.length)
                        .boxed()
                        .sorted(Comparator.comparing(i -> -scores[i]))
                        .toArray(Integer[]::new);
        kept = new boolean[scores.length];
        Arrays.fill(kept, true);
    }

    int token() {
        float best = scores[order[0]];
        if (best == Float.NEGATIVE_INFINITY) {
            return -1;
        }
        if (options.temperature() == 0 || best == Float.POSITIVE_INFINITY) {
            return order[0];
        }
        keepTopK();
        keepTopP();
        keepMinP();
        double left = uniform(options.seed(), step) * total();
        for (int i = 0; i < scores.length; i++) {
            left -= kept[i] ? weight(i) : 0;
            if (left < 0) {
                return i;
            }
        }
        throw new AssertionError("no token was drawn");
    }

    int candidate(int rank) {
        return order[rank];
    }

    double logProbability(int id) {
        return (double) scores[id] - scores[order[0]] - Math.log(total());
    }

    private void keepTopK() {
        long k = options.topK();
        if (k > 0 && k < scores.length) {
            float least = scores[order[(int) k - 1]];
            for (int i = 0; i < scores.length; i++) {
                kept[i] = scores[i] >= least;
            }
        }
    }

    private void keepTopP() {
        if (options.topP() == 1) {
            return;
        }
        float total = (float) total();
        float limit = (float) (1 - options.topP());
        double others = 1;
        boolean enough = false;
        for (int id : order) {
            kept[id] &= !enough;
            float share = weight(id) / total;
            others = others == 1 ? 1 - share : others - share;
            enough |= (float) others <= limit;
        }
    }

    private void keepMinP() {
        float total = (float) total();
        float least = (float) options.minP() * (1 / total);
        for (int i = 0; i < scores.length; i++) {
            kept[i] &= weight(i) / total >= least;
        }
    }

    private float weight(int id) {
        return (float) Math.exp(scores[id] - scores[order[0]]);
    }

    private double total() {
        return IntStream.range(0, scores.length)
                .filter(i -> kept[i])
                .mapToDouble(this::weight)
                .sum();
    }

    /** Philox 4x32-10 with counter (step, 0), as a number in [0, 1). */
    static double uniform(long seed, long step) {
        long[] c = {step & 0xFFFFFFFFL, step >>> 32, 0, 0};
        long k0 = seed;
        long k1 = seed >>> 32;
        for (int round = 0; round < 10; round++) {
            long p = 0xD2511F53L * c[0];
            long q = 0xCD9E8D57L * c[2];
            c =
                    new long[] {
                        (q >>> 32 ^ c[1] ^ k0) & 0xFFFFFFFFL,
                        q & 0xFFFFFFFFL,
                        (p >>> 32 ^ c[3] ^ k1) & 0xFFFFFFFFL,
                        p & 0xFFFFFFFFL
                    };
            k0 += 0x9E3779B9L;
            k1 += 0xBB67AE85L;
        }
        return ((c[1] << 32 | c[0]) >>> 11) * 0x1p-53;
    }
}
