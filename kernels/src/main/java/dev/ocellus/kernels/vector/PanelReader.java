package dev.ocellus.kernels.vector;

import dev.ocellus.tensor.DType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * How products read panels of one type; see {@link dev.ocellus.kernels.Panels}. Immutable.
 *
 * @param lineColumns columns that a line holds
 * @param oneRow what {@link #oneRow} does
 * @param widen what {@link #widened} does; null for float32
 */
record PanelReader(long lineColumns, MethodHandle oneRow, MethodHandle widen) {
    /** Bytes of a line: sixteen rows of one or two columns. */
    static final long LINE = 64;

    static PanelReader of(DType type) {
        return switch (type) {
            case F32 -> new PanelReader(1, oneRow(SinglePanels.lookup()), null);
            case F16 -> of(HalfPanels.lookup());
            case BF16 -> of(BfloatPanels.lookup());
            default -> throw new IllegalArgumentException("MatMul: no panels of " + type);
        };
    }

    private static PanelReader of(MethodHandles.Lookup panels) {
        return new PanelReader(2, oneRow(panels), Handles.of(panels, "widen", void.class, 3));
    }

    private static MethodHandle oneRow(MethodHandles.Lookup panels) {
        return Handles.of(panels, "oneRow", void.class, 7);
    }

    /**
     * Adds the products of one row of x with four vectors of weight rows to sums, as {@link
     * Tile#oneRow} does.
     *
     * @param x of {@code columns} float32, as many as whole lines hold
     * @param w0 where the first vector's rows begin in the first line; lines follow one another
     */
    void oneRow(long x, long w0, long w1, long w2, long w3, long columns, long sums) {
        try {
            oneRow.invokeExact(x, w0, w1, w2, w3, columns, sums);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Widens lines of one vector's rows to lines of float32.
     *
     * @param from where these rows begin in the first line
     * @return where the result is: {@code to}, or {@code from} if there was nothing to do
     */
    long widened(long from, long lines, long to) {
        if (widen == null) {
            return from;
        }
        try {
            widen.invokeExact(from, lines, to);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        return to;
    }
}
