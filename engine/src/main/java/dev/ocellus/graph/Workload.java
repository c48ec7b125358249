package dev.ocellus.graph;

import java.util.HashMap;
import java.util.Map;

/**
 * How much of a graph's capacity a run fills, for counting its work.
 *
 * @param lengths actual values of run-time counts; a count that is not here is full
 * @param contextTokens slots that the cache of each sequence holds when the run ends, with those
 *     that the run appended
 */
public record Workload(Map<Count, Long> lengths, long contextTokens) {

    public Workload {
        lengths = Map.copyOf(lengths);
    }

    /** All counts at their capacity. */
    public static Workload full(long contextTokens) {
        return new Workload(Map.of(), contextTokens);
    }

    /** This, with the actual value of one more count. */
    public Workload with(Count count, long actual) {
        if (actual < 0 || actual > count.capacity()) {
            throw new IllegalArgumentException(
                    "count "
                            + count.name()
                            + " is "
                            + actual
                            + "; its capacity is "
                            + count.capacity());
        }
        Map<Count, Long> more = new HashMap<>(lengths);
        more.put(count, actual);
        return new Workload(more, contextTokens);
    }

    /** Elements of a value that hold data. */
    long elements(Value v) {
        long elements = v.shape().elements();
        return v.count() == null
                ? elements
                : elements / v.shape().dim(0) * lengths.getOrDefault(v.count(), v.shape().dim(0));
    }

    long bytes(Value v) {
        return v.dtype().byteSize(elements(v));
    }

    /** Rows of a value that hold data; a row is its last dimension. */
    long rows(Value v) {
        return elements(v) / v.cols();
    }
}
