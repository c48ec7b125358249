package dev.ocellus.generate;

import dev.ocellus.model.RopeFrequencies;

import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * The tokens that one thread wants to be decoded, one for each of its caches. Used again for other
 * tokens, so that a decoded token allocates nothing.
 */
final class DecodeRequest {
    List<KvCache> caches;
    int[] tokens;
    List<RopeFrequencies> frequencies;
    List<? extends RowSink> sinks;
    BooleanSupplier cancelled;

    /** A step has taken it: it is no longer its thread's until it is {@link #done}. */
    boolean taken;

    boolean done;
    private Throwable failure;

    /** First of its rows in the step. */
    int firstRow;

    /** Caches that have got their token in the step under way. */
    private int appended;

    int rows() {
        return caches.size();
    }

    void fail(Throwable e) {
        failure = e;
    }

    boolean hasFailed() {
        return failure != null;
    }

    /** States that the next cache has its token. */
    void appended() {
        appended++;
    }

    /** Keeps the tokens that the caches have got. */
    void keep() {
        appended = 0;
    }

    /** Takes the tokens back out of the caches. */
    void takeBack() {
        for (int i = 0; i < appended; i++) {
            KvCache cache = caches.get(i);
            cache.truncate(cache.length() - 1);
        }
        appended = 0;
    }

    /** Forgets everything and returns what went wrong, or null. */
    Throwable clear() {
        Throwable f = failure;
        caches = null;
        tokens = null;
        frequencies = null;
        sinks = null;
        cancelled = null;
        taken = false;
        done = false;
        failure = null;
        return f;
    }
}
