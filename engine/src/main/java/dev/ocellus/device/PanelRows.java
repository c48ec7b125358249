package dev.ocellus.device;

import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Single rows of packed matrices. A row has one lane of each line of its panel: four bytes, and of
 * a line of scales twice two.
 */
final class PanelRows {
    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfShort SCALE = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final long LINE = Panels.ROWS * Integer.BYTES;

    private PanelRows() {}

    /** Copies row {@code source} of one packed matrix to row {@code target} of another. */
    static void copy(
            DType type, long cols, MemorySegment from, long source, MemorySegment to, long target) {
        long bytes = Panels.panelBytes(type, cols);
        long group = type.isBlock() ? Panels.panelBytes(type, Panels.GROUP) : 0;
        long in = source / Panels.ROWS * bytes;
        long out = target / Panels.ROWS * bytes;
        long inLane = source % Panels.ROWS;
        long outLane = target % Panels.ROWS;
        for (long line = 0; line < bytes; line += LINE) {
            if (group > 0 && line % group == 0) {
                for (long half = line; half < line + LINE; half += LINE / 2) {
                    short scale = from.get(SCALE, in + half + inLane * Short.BYTES);
                    to.set(SCALE, out + half + outLane * Short.BYTES, scale);
                }
            } else {
                int word = from.get(WORD, in + line + inLane * Integer.BYTES);
                to.set(WORD, out + line + outLane * Integer.BYTES, word);
            }
        }
    }
}
