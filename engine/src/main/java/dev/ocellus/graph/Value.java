package dev.ocellus.graph;

import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

/**
 * A tensor that a node makes: capacity shape, element type and, when the leading dimension is
 * filled only partly, the run-time count of it. Belongs to one graph.
 */
public final class Value {
    private final Node node;
    private final Shape shape;
    private final DType dtype;
    private final Count count;

    Value(Node node, Shape shape, DType dtype, Count count) {
        this.node = node;
        this.shape = shape;
        this.dtype = dtype;
        this.count = count;
    }

    public Node node() {
        return node;
    }

    public Shape shape() {
        return shape;
    }

    public DType dtype() {
        return dtype;
    }

    /** The count of the leading dimension, or null when it is always full. */
    public Count count() {
        return count;
    }

    /** Length of a row: the last dimension. */
    public long cols() {
        return shape.dim(-1);
    }

    /** Number of rows: the product of all dimensions but the last. */
    public long rows() {
        long rows = 1;
        for (int i = 0; i < shape.rank() - 1; i++) {
            rows *= shape.dim(i);
        }
        return rows;
    }

    /** Rows that one entry of the leading dimension takes. */
    public long rowsPerEntry() {
        return shape.rank() < 2 ? 1 : rows() / shape.dim(0);
    }

    @Override
    public String toString() {
        return "%" + node.id() + shape;
    }
}
