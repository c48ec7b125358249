package dev.ocellus.tensor;

import java.util.Arrays;

/** Dimensions of a tensor, outermost first; immutable. A scalar has rank 0 and one element. */
public final class Shape {
    private final long[] dims;

    private Shape(long[] dims) {
        this.dims = dims;
    }

    /**
     * @throws IllegalArgumentException if a dimension is negative or the element count overflows
     */
    public static Shape of(long... dims) {
        long count = 1;
        for (long d : dims) {
            if (d < 0) {
                throw new IllegalArgumentException(
                        "negative dimension in shape " + Arrays.toString(dims));
            }
            try {
                count = Math.multiplyExact(count, d);
            } catch (ArithmeticException e) {
                throw new IllegalArgumentException(
                        "element count overflows for shape " + Arrays.toString(dims));
            }
        }
        return new Shape(dims.clone());
    }

    public int rank() {
        return dims.length;
    }

    /** Dimension {@code axis}; negative axes count from the end. */
    public long dim(int axis) {
        return dims[axis < 0 ? axis + dims.length : axis];
    }

    public long elements() {
        long count = 1;
        for (long d : dims) {
            count *= d;
        }
        return count;
    }

    /** This shape with one more, innermost dimension. */
    public Shape append(long dim) {
        long[] d = Arrays.copyOf(dims, dims.length + 1);
        d[dims.length] = dim;
        return of(d);
    }

    /** This shape with another innermost dimension. */
    public Shape withLast(long dim) {
        long[] d = dims.clone();
        d[dims.length - 1] = dim;
        return of(d);
    }

    public long[] toArray() {
        return dims.clone();
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof Shape s && Arrays.equals(dims, s.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    @Override
    public String toString() {
        return Arrays.toString(dims);
    }
}
