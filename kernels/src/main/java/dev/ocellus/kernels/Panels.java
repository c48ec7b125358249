package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

/**
 * The layout of packed weight matrices, the same for every CPU provider.
 *
 * <p>A matrix [n, k] (row j holds the weights of output j, as in a file) becomes ceil(n/16) panels
 * of 16 rows; rows past n are zero. A panel is one contiguous stream that is read once from front
 * to back:
 *
 * <ul>
 *   <li>F32: {@code [k][16]} floats, 64 bytes for each k;
 *   <li>F16 and BF16: {@code [ceil(k/2)][16][2]}, 64 bytes for each pair of k; for odd k the last
 *       element of each pair is zero.
 * </ul>
 *
 * Panels start at 64-byte boundaries and follow one another without gaps. Decoding (one row of
 * activations) and prefill (many) read the same copy.
 */
public final class Panels {
    /** Rows of a matrix that share one panel. */
    public static final int ROWS = 16;

    /** Bytes at which packed data starts. */
    public static final int ALIGNMENT = 64;

    public static boolean supports(DType type) {
        return type == DType.F32 || type == DType.F16 || type == DType.BF16;
    }

    /** Bytes of one panel for {@code k} columns. */
    public static long panelBytes(DType type, long k) {
        return switch (type) {
            case F32 -> k * ROWS * 4;
            case F16, BF16 -> (k + 1) / 2 * ROWS * 4;
            default -> throw new IllegalArgumentException("no panel layout for " + type);
        };
    }

    public static long count(long n) {
        return (n + ROWS - 1) / ROWS;
    }

    /** Bytes of a packed [n, k] matrix. */
    public static long bytes(DType type, long n, long k) {
        return Math.multiplyExact(count(n), panelBytes(type, k));
    }

    /** Byte offset of element (row, column) from the start of the packed matrix. */
    public static long offset(DType type, long row, long column, long k) {
        long panel = row / ROWS * panelBytes(type, k);
        long lane = row % ROWS;
        return type == DType.F32
                ? panel + (column * ROWS + lane) * 4
                : panel + (column / 2 * ROWS + lane) * 4 + column % 2 * 2;
    }

    private Panels() {}
}
