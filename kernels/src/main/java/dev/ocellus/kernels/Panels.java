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
 *       element of each pair is zero;
 *   <li>Q8, Q4 and F8: groups of {@value #GROUP} k, each two blocks of 32, the last group padded
 *       with zeros. A group is a line of scales, float16 {@code [2][16]}, and the elements, each
 *       four bytes of a row side by side. Those of F8 are E4M3, {@code [2][8][16][4]}, 1088 bytes
 *       in all. Integers have an offset that makes them unsigned: Q8 (q + 128) as F8; Q4 (q + 8)
 *       {@code [2][4][16][4]}, 576 bytes, where byte {@code 4 j + i} of a row holds k = 4 j + i of
 *       the block in its lower half and k = 16 + 4 j + i in its upper half.
 * </ul>
 *
 * Panels start at 64-byte boundaries and follow one another without gaps. Decoding (one row of
 * activations) and prefill (many) read the same copy.
 *
 * <p>Packing to a block type rounds in float32. A block's scale is the float16 nearest to {@code m
 * / d}, where m is the element of largest magnitude (the first of several); its elements are {@code
 * x * (1 / scale)}, cut to the range of the type and rounded to the nearest in it, ties to even;
 * all are zero if the scale is, and then that is a positive zero.
 *
 * <ul>
 *   <li>Q8: d is 127 with the sign of m; the range is -127 to 127.
 *   <li>Q4: d is that of -9, -8.5, -8, -7.5 and -7 (the first of several) with which the sum of the
 *       squared errors {@code fma(-scale, q, x)}, a chain of fused multiply-adds in ascending k, is
 *       least; the range is -8 to 7.
 *   <li>F8: d is 448 with the sign of m; the range is -448 to 448, where what is not a number
 *       becomes the least: E4M3 has no infinities, and its NaN is never written.
 * </ul>
 *
 * Products with a block are not finite if an element is not, or if its scale would be 65520 or
 * more.
 */
public final class Panels {
    /** Rows of a matrix that share one panel. */
    public static final int ROWS = 16;

    /** Bytes at which packed data starts. */
    public static final int ALIGNMENT = 64;

    /** Columns of a group of a block type. */
    public static final int GROUP = 64;

    private static final int LINE = 64;
    private static final int GROUP_BLOCKS = GROUP / DType.BLOCK_ELEMENTS;

    /** Whether there is a layout for weights of this type. */
    public static boolean supports(DType type) {
        return supportsRows(type) || type.isBlock();
    }

    /** Whether kernels read rows of this type, as tables and caches and to be packed. */
    public static boolean supportsRows(DType type) {
        return type == DType.F32 || type == DType.F16 || type == DType.BF16;
    }

    /** Whether rows of {@code source} can be packed into panels of {@code panel}. */
    public static boolean packs(DType source, DType panel) {
        return supportsRows(source) && (source == panel || panel.isBlock());
    }

    /** Bytes of one panel for {@code k} columns. */
    public static long panelBytes(DType type, long k) {
        return switch (type) {
            case F32 -> k * ROWS * 4;
            case F16, BF16 -> (k + 1) / 2 * ROWS * 4;
            case Q8, F8 -> groups(k) * (LINE + GROUP * ROWS);
            case Q4 -> groups(k) * (LINE + GROUP * ROWS / 2);
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

    /** Groups of a block type that {@code k} columns take. */
    public static long groups(long k) {
        return (k + GROUP - 1) / GROUP;
    }

    /**
     * Byte offset of element (row, column) from the start of the packed matrix. The byte of a Q4
     * element also holds one that is 16 columns from it.
     */
    public static long offset(DType type, long row, long column, long k) {
        long panel = row / ROWS * panelBytes(type, k);
        long lane = row % ROWS;
        return switch (type) {
            case F32 -> panel + (column * ROWS + lane) * 4;
            case F16, BF16 -> panel + (column / 2 * ROWS + lane) * 4 + column % 2 * 2;
            case Q8, F8 -> {
                long words = column / 4 * ROWS + lane;
                yield panel + (column / GROUP + 1) * LINE + words * 4 + column % 4;
            }
            case Q4 -> {
                long half = DType.BLOCK_ELEMENTS / 2;
                long words = (column / DType.BLOCK_ELEMENTS * 4 + column % half / 4) * ROWS + lane;
                yield panel + (column / GROUP + 1) * LINE + words * 4 + column % 4;
            }
            default -> throw new IllegalArgumentException("no panel layout for " + type);
        };
    }

    /** Byte offset of the scale of element (row, column) of a block type, as for the element. */
    public static long scaleOffset(DType type, long row, long column, long k) {
        long groupBytes = panelBytes(type, GROUP);
        long block = column / DType.BLOCK_ELEMENTS % GROUP_BLOCKS;
        return row / ROWS * panelBytes(type, k)
                + column / GROUP * groupBytes
                + (block * ROWS + row % ROWS) * 2;
    }

    private Panels() {}
}
