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
        long in = source / Panels.ROWS * bytes;
        long out = target / Panels.ROWS * bytes;
        long inLane = source % Panels.ROWS;
        long outLane = target % Panels.ROWS;
        for (long line = 0; line < bytes; line += LINE) {
            if (isScales(type, line)) {
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

    /** Makes a row zero. */
    static void clear(DType type, long cols, MemorySegment to, long target) {
        // Integers are stored with an offset; all others are zero where their bits are.
        int zero = type == DType.Q8 ? 0x80808080 : type == DType.Q4 ? 0x88888888 : 0;
        long bytes = Panels.panelBytes(type, cols);
        long out = target / Panels.ROWS * bytes;
        long lane = target % Panels.ROWS;
        for (long line = 0; line < bytes; line += LINE) {
            if (isScales(type, line)) {
                to.set(SCALE, out + line + lane * Short.BYTES, (short) 0);
                to.set(SCALE, out + line + LINE / 2 + lane * Short.BYTES, (short) 0);
            } else {
                to.set(WORD, out + line + lane * Integer.BYTES, zero);
            }
        }
    }

    private static boolean isScales(DType type, long line) {
        return type.isBlock() && line % Panels.panelBytes(type, Panels.GROUP) == 0;
    }
}
