package dev.ocellus.graph;

import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.tensor.DType;

import java.util.ArrayList;
import java.util.List;

/**
 * A weight as a graph sees it: rows of stored tensors, one after the other, under one name. A
 * matrix [rows, cols] or, with {@code cols} 1, a vector. Holds no memory: a device's weight store
 * makes the packed copy.
 *
 * <p>Two weights are equal when they consist of the same rows of the same stored tensors, whatever
 * their name.
 */
public final class Weight {

    /**
     * {@code rows} rows of a stored tensor, from {@code firstRow} on; a row has as many elements as
     * the weight has columns.
     */
    public record Slice(StoredTensor tensor, long firstRow, long rows) {}

    private final String name;
    private final List<Slice> slices;
    private final long rows;
    private final long cols;

    private Weight(String name, List<Slice> slices, long rows, long cols) {
        this.name = name;
        this.slices = List.copyOf(slices);
        this.rows = rows;
        this.cols = cols;
    }

    /** A stored matrix, or a tensor of higher rank whose trailing dimensions count as columns. */
    public static Weight matrix(StoredTensor tensor) {
        return matrix(tensor, tensor.shape().dim(0));
    }

    /** A stored tensor of any shape as a matrix of {@code rows} rows. */
    public static Weight matrix(StoredTensor tensor, long rows) {
        if (rows < 1 || tensor.elements() % rows != 0) {
            throw new GraphException(
                    "weight "
                            + tensor.name()
                            + " "
                            + tensor.shape()
                            + " can't be cut into "
                            + rows
                            + " rows");
        }
        long cols = tensor.elements() / rows;
        return new Weight(tensor.name(), List.of(new Slice(tensor, 0, rows)), rows, cols);
    }

    /** A stored tensor of any shape as a vector. */
    public static Weight vector(StoredTensor tensor) {
        long n = tensor.shape().elements();
        return new Weight(tensor.name(), List.of(new Slice(tensor, 0, n)), n, 1);
    }

    /** Rows [first, first + count). */
    public Weight rows(long first, long count) {
        if (first < 0 || count < 0 || first + count > rows) {
            throw new GraphException(
                    "weight "
                            + name
                            + " has "
                            + rows
                            + " rows; rows "
                            + first
                            + " to "
                            + (first + count)
                            + " were asked for");
        }
        List<Slice> part = new ArrayList<>();
        long at = 0;
        for (Slice s : slices) {
            long from = Math.max(first, at);
            long to = Math.min(first + count, at + s.rows());
            if (from < to) {
                part.add(new Slice(s.tensor(), s.firstRow() + from - at, to - from));
            }
            at += s.rows();
        }
        return new Weight(name, part, count, cols);
    }

    /** The rows of all parts, in order. */
    public static Weight concat(String name, List<Weight> parts) {
        List<Slice> all = new ArrayList<>();
        long rows = 0;
        for (Weight w : parts) {
            if (w.cols != parts.getFirst().cols) {
                throw new GraphException(
                        "weights "
                                + parts.getFirst().name
                                + " and "
                                + w.name
                                + " have rows of "
                                + parts.getFirst().cols
                                + " and "
                                + w.cols);
            }
            all.addAll(w.slices);
            rows += w.rows;
        }
        return new Weight(name, all, rows, parts.getFirst().cols);
    }

    public String name() {
        return name;
    }

    public List<Slice> slices() {
        return slices;
    }

    public long rows() {
        return rows;
    }

    public long cols() {
        return cols;
    }

    public long elements() {
        return rows * cols;
    }

    /**
     * The type in which kernels read it: that of its parts ({@link StoredTensor#kernelType}), or
     * float32 when they differ.
     */
    public DType kernelType() {
        DType first = slices.getFirst().tensor().kernelType();
        return slices.stream().allMatch(s -> s.tensor().kernelType() == first) ? first : DType.F32;
    }

    /**
     * Whether it can be had in panels only: it is stored in them, or of a type that has no rows.
     */
    public boolean isPanels() {
        return kernelType().isBlock() || slices.stream().anyMatch(s -> s.tensor().isPanels());
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Weight w && cols == w.cols && slices.equals(w.slices);
    }

    @Override
    public int hashCode() {
        return slices.hashCode();
    }

    @Override
    public String toString() {
        return name + " [" + rows + (cols == 1 ? "" : ", " + cols) + "]";
    }
}
