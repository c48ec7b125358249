package dev.ocellus.kernels;

import java.util.List;
import java.util.function.LongFunction;

/**
 * One use of an operation on {@code rows} rows with what must come out.
 *
 * @param outRows output rows of one row of the call
 * @param expected the exact result, by output row and column
 * @param tolerance the largest absolute error allowed there
 */
record Trial(
        String name,
        long rows,
        long outRows,
        long cols,
        long ldo,
        Call call,
        Cell expected,
        Cell tolerance,
        List<InPlace> inPlace) {

    /** The call on rows [first, first + rows) with their output at {@code out}. */
    interface Call {
        KernelCall at(long first, long rows, long rowCount, long out);
    }

    interface Cell {
        double at(long row, long col);
    }

    /** The call on all rows with its output in the place of one of its operands. */
    record InPlace(Matrix operand, LongFunction<KernelCall> call) {}

    static final Cell EXACT = (row, col) -> 0;
}
