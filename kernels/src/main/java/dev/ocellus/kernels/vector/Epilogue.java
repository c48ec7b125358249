package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Panels;

/** What a {@link MatMul} makes of its sums. Sums are whole panels; outputs end where they end. */
final class Epilogue {
    private static final long LINE = PanelReader.LINE;

    /**
     * Writes the outputs of rows [first, last) for the one or two panels from {@code panel} on.
     *
     * @param sums of the first row, which are changed; the next row's are {@code sumStep} on
     */
    static void finish(MatMul call, long first, long last, long panel, long sums, long sumStep) {
        boolean gated = call.gated() != 0;
        long column = gated ? panel / 2 * Panels.ROWS : panel * Panels.ROWS;
        long bytes = Math.min((gated ? 1 : 2) * LINE, (call.n() - column) * 4);
        long rows = last - first;
        long offset = column * 4;
        if (call.bias() != 0) {
            for (long r = 0; r < rows; r++) {
                long s = sums + r * sumStep;
                Spans.add(s, call.bias() + offset, s, bytes);
            }
        }
        long activated = (bytes + LINE - 1) / LINE * LINE;
        for (long r = 0; r < rows; r++) {
            Functions.activateWhole(call.activation(), sums + r * sumStep, activated);
        }
        for (long r = 0, s = sums; r < rows; r++, s += sumStep) {
            if (gated) {
                Spans.multiply(s, s + LINE, s, bytes);
            }
            if (call.scale() != 0) {
                Spans.multiply(s, call.scale() + offset, s, bytes);
            }
            long out = call.out() + (first + r) * call.ldo() * 4 + offset;
            if (call.residual() != 0) {
                Spans.add(s, call.residual() + (first + r) * call.ldr() * 4 + offset, out, bytes);
            } else {
                Spans.copy(s, out, bytes);
            }
        }
    }

    private Epilogue() {}
}
