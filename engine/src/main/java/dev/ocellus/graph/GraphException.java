package dev.ocellus.graph;

/** A graph that can't be: names the operation, the weight and the shapes that don't fit. */
public final class GraphException extends RuntimeException {
    public GraphException(String message) {
        super(message);
    }
}
