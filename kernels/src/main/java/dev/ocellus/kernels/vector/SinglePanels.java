package dev.ocellus.kernels.vector;

import java.lang.invoke.MethodHandles;

/** float32, read as it is. */
final class SinglePanels {
    static MethodHandles.Lookup lookup() {
        return MethodHandles.lookup();
    }

    static void oneRow(long x, long w0, long w1, long w2, long w3, long columns, long sums) {
        Tile.oneRow(x, Float.BYTES, w0, w1, w2, w3, PanelReader.LINE, columns, sums);
    }

    private SinglePanels() {}
}
