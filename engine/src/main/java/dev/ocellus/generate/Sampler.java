package dev.ocellus.generate;

import java.util.Arrays;

/**
 * Chooses tokens from logits: repetition penalty, temperature, top-k, top-p and min-p, in this
 * order, as the logits processors of the transformers library do; then a draw, or the largest logit
 * when greedy. Allocates nothing per token. For one thread.
 */
public final class Sampler {
    private final GenerationOptions options;
    private final float[] logits;
    private final float[] sorted;
    private final boolean[] seen;

    public Sampler(GenerationOptions options, int vocabulary) {
        this.options = options;
        logits = new float[vocabulary];
        sorted = new float[options.temperature() > 0 ? vocabulary : 0];
        seen = new boolean[options.repetitionPenalty() == 1 ? 0 : vocabulary];
    }

    /** Where the caller puts the logits of the next token before {@link #next}. */
    public float[] logits() {
        return logits;
    }

    /**
     * Says that a token occurred, for the repetition penalty. Ids past the vocabulary are ignored.
     */
    public void occurred(int id) {
        if (id >= 0 && id < seen.length) {
            seen[id] = true;
        }
    }

    /** The next token; {@code step} counts the draws of this answer. */
    public int next(long step) {
        process();
        return options.temperature() == 0 ? argmax() : draw(Philox.uniform(options.seed(), step));
    }

    /**
     * Applies all processors to {@link #logits} in place; excluded tokens become negative infinity.
     */
    void process() {
        penalise();
        if (options.temperature() == 0) {
            return;
        }
        for (int i = 0; i < logits.length; i++) {
            logits[i] /= (float) options.temperature();
        }
        if (options.topK() > 0 && options.topK() < logits.length) {
            keepTopK();
        }
        if (options.topP() < 1) {
            keepTopP();
        }
        if (options.minP() > 0) {
            double least = Math.log(options.minP()) + logits[argmax()];
            for (int i = 0; i < logits.length; i++) {
                exclude(i, logits[i] < least);
            }
        }
    }

    private void penalise() {
        float p = (float) options.repetitionPenalty();
        for (int i = 0; i < seen.length; i++) {
            if (seen[i]) {
                logits[i] = logits[i] < 0 ? logits[i] * p : logits[i] / p;
            }
        }
    }

    private void keepTopK() {
        System.arraycopy(logits, 0, sorted, 0, logits.length);
        Arrays.sort(sorted);
        float least = sorted[sorted.length - options.topK()];
        for (int i = 0; i < logits.length; i++) {
            exclude(i, logits[i] < least);
        }
    }

    /**
     * Drops the least likely tokens as long as their probabilities together stay at or below 1 - p;
     * at least one stays.
     */
    private void keepTopP() {
        System.arraycopy(logits, 0, sorted, 0, logits.length);
        Arrays.sort(sorted);
        double top = sorted[sorted.length - 1];
        double total = 0;
        for (float v : sorted) {
            total += Math.exp(v - top);
        }
        double sum = 0;
        int dropped = 0;
        while (dropped < sorted.length - 1) {
            sum += Math.exp(sorted[dropped] - top) / total;
            if (sum > 1 - options.topP()) {
                break;
            }
            dropped++;
        }
        // Tokens equal to the last dropped value go by their order in a stable ascending sort.
        float least = sorted[dropped];
        int ties = 0;
        while (dropped - ties > 0 && sorted[dropped - ties - 1] == least) {
            ties++;
        }
        for (int i = 0; i < logits.length; i++) {
            boolean tie = logits[i] == least && ties > 0;
            ties -= tie ? 1 : 0;
            exclude(i, logits[i] < least || tie);
        }
    }

    private void exclude(int i, boolean out) {
        if (out) {
            logits[i] = Float.NEGATIVE_INFINITY;
        }
    }

    private int argmax() {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            if (logits[i] > logits[best]) {
                best = i;
            }
        }
        return best;
    }

    private int draw(double uniform) {
        double top = logits[argmax()];
        double total = 0;
        for (float v : logits) {
            total += Math.exp(v - top);
        }
        double left = uniform * total;
        int last = 0;
        for (int i = 0; i < logits.length; i++) {
            double p = Math.exp(logits[i] - top);
            if (p > 0) {
                last = i;
                left -= p;
                if (left < 0) {
                    return i;
                }
            }
        }
        return last;
    }
}
