package dev.ocellus.graph;

/**
 * A length that is known only when a plan runs: how many of {@code capacity} leading entries of a
 * tensor hold data. Several tensors may share one count.
 */
public record Count(String name, long capacity) {
    public Count {
        if (capacity < 1) {
            throw new GraphException(
                    "count " + name + " has capacity " + capacity + "; it must be at least 1");
        }
    }
}
