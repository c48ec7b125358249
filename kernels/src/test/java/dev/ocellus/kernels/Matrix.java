package dev.ocellus.kernels;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Rows of float32 in a test operand, {@code ld} elements apart; nothing follows the last row. */
record Matrix(MemorySegment segment, long rows, long cols, long ld) {
    static long bytes(long rows, long cols, long ld) {
        return rows == 0 ? 0 : ((rows - 1) * ld + cols) * 4;
    }

    long address() {
        return segment.address();
    }

    long address(long row) {
        return segment.address() + row * ld * 4;
    }

    float get(long row, long col) {
        return segment.get(JAVA_FLOAT_UNALIGNED, (row * ld + col) * 4);
    }

    int bits(long row, long col) {
        return segment.get(JAVA_INT_UNALIGNED, (row * ld + col) * 4);
    }

    void set(long row, long col, float value) {
        segment.set(JAVA_FLOAT_UNALIGNED, (row * ld + col) * 4, value);
    }
}
