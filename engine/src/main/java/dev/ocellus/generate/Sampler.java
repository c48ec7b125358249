package dev.ocellus.generate;

/**
 * Chooses tokens from logits: repetition penalty, temperature, top-k, top-p and min-p, in this
 * order, as the logits processors of the transformers library do; then a draw, or the largest logit
 * when greedy. Allocates nothing per token. For one thread.
 */
public final class Sampler {
    private final GenerationOptions options;
    private final float[] logits;

    /** A heap of logits, the largest first. */
    private final float[] heap;

    private int heapSize;
    private final boolean[] seen;

    public Sampler(GenerationOptions options, int vocabulary) {
        this.options = options;
        logits = new float[vocabulary];
        heap = new float[options.temperature() > 0 ? vocabulary : 0];
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

    /**
     * The next token; {@code step} counts the draws of this answer.
     *
     * @throws ArithmeticException if no logit is a number above negative infinity
     */
    public int next(long step) {
        process();
        int best = argmax();
        return options.temperature() == 0 || Float.isInfinite(logits[best])
                ? best
                : draw(logits[best], Philox.uniform(options.seed(), step));
    }

    /**
     * Applies all processors to {@link #logits} in place; excluded tokens become negative infinity.
     */
    void process() {
        penalise();
        if (options.temperature() == 0) {
            return;
        }
        float temperature = (float) options.temperature();
        for (int i = 0; i < logits.length; i++) {
            logits[i] /= temperature;
        }
        if (options.topK() > 0 && options.topK() < logits.length) {
            keepTopK();
        }
        if (options.topP() < 1) {
            keepTopP();
        }
        if (options.minP() > 0) {
            keepMinP();
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
        fillHeap();
        for (int i = 1; i < options.topK(); i++) {
            takeLargest();
        }
        float least = takeLargest();
        for (int i = 0; i < logits.length; i++) {
            exclude(i, logits[i] < least);
        }
    }

    /**
     * Keeps the most likely tokens until the probabilities of the others together are at most 1 -
     * p; at least one stays. Where only some of equal tokens stay, they are the first ones.
     */
    private void keepTopP() {
        float top = logits[argmax()];
        float total = (float) total(top);
        float limit = (float) (1 - options.topP());
        fillHeap();
        float least = takeLargest();
        int equal = 1;
        double others = 1 - weight(least, top) / total;
        while (heapSize > 0 && (float) others > limit) {
            float v = takeLargest();
            equal = v == least ? equal + 1 : 1;
            least = v;
            others -= weight(v, top) / total;
        }
        for (int i = 0; i < logits.length; i++) {
            boolean tie = logits[i] == least;
            exclude(i, logits[i] < least || tie && equal == 0);
            equal -= tie && equal > 0 ? 1 : 0;
        }
    }

    private void keepMinP() {
        float top = logits[argmax()];
        float total = (float) total(top);
        float least = (float) options.minP() * (1 / total);
        for (int i = 0; i < logits.length; i++) {
            exclude(i, weight(logits[i], top) / total < least);
        }
    }

    private void exclude(int i, boolean out) {
        if (out) {
            logits[i] = Float.NEGATIVE_INFINITY;
        }
    }

    private int argmax() {
        int best = -1;
        float top = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < logits.length; i++) {
            if (logits[i] > top) {
                best = i;
                top = logits[i];
            }
        }
        if (best < 0) {
            throw noNumber();
        }
        return best;
    }

    /** What is wrong where no logit is above minus infinity. */
    static ArithmeticException noNumber() {
        return new ArithmeticException(
                "the model gave no logit that is a number; its weights may be damaged");
    }

    private int draw(float top, double uniform) {
        double left = uniform * total(top);
        int last = 0;
        for (int i = 0; i < logits.length; i++) {
            float w = weight(logits[i], top);
            if (w > 0) {
                last = i;
                left -= w;
                if (left < 0) {
                    return i;
                }
            }
        }
        return last;
    }

    /** What a logit counts in the softmax: 1 for the largest. */
    private static float weight(float logit, float top) {
        return (float) Math.exp(logit - top);
    }

    private double total(float top) {
        double total = 0;
        for (float v : logits) {
            total += weight(v, top);
        }
        return total;
    }

    private void fillHeap() {
        heapSize = logits.length;
        System.arraycopy(logits, 0, heap, 0, heapSize);
        for (int i = heapSize / 2 - 1; i >= 0; i--) {
            siftDown(i);
        }
    }

    private float takeLargest() {
        float largest = heap[0];
        heap[0] = heap[--heapSize];
        siftDown(0);
        return largest;
    }

    private void siftDown(int from) {
        float v = heap[from];
        int i = from;
        while (2 * i + 1 < heapSize) {
            int child = 2 * i + 1;
            if (child + 1 < heapSize && heap[child + 1] > heap[child]) {
                child++;
            }
            if (heap[child] <= v) {
                break;
            }
            heap[i] = heap[child];
            i = child;
        }
        heap[i] = v;
    }
}
