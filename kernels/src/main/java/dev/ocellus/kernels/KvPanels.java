package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

/**
 * Layout of the keys or values of one layer in a page of a key/value cache: head after head, each a
 * matrix of 32-bit words that is the right operand of a product without further rearrangement.
 *
 * <p>A head's keys have a row for each dimension and a column for each token, its values a row for
 * each token and a column for each dimension. There are at least 16 columns, and a multiple of it;
 * what is past the last one that counts is never used. A word is one float32, or the elements of
 * rows 2i and 2i + 1 of one column in 16 bits; with an odd {@code headDim} the last one's partner
 * is zero. Blocks of up to 64 columns follow one another, in a block the rows, so that a product
 * reads one stream in which neighbouring lanes are neighbouring outputs: sums never cross lanes.
 *
 * <pre>{@code
 * keys    [pageTokens / 64][headDim / 2][64 tokens][2]
 * values  [headDim / 64][pageTokens / 2][64 dimensions][2]
 * }</pre>
 *
 * <p>In Q8 keys and values have a row for each token, of blocks of 32 elements (the last one padded
 * with zeros), each a float16 scale and 32 signed bytes. An element is its byte times the scale,
 * which is the float16 nearest to the largest magnitude divided by 127; bytes are {@code rint(x *
 * (1 / scale))}, cut to -127 to 127, and zero if the scale is.
 */
public final class KvPanels {
    private static final long BLOCK = 64;
    private static final long WORD = 4;

    private KvPanels() {}

    /** Whether keys and values can be kept in this type. */
    public static boolean supports(DType type) {
        return type == DType.F32 || type == DType.F16 || meetsBf16(type);
    }

    /** Whether attention over a cache of this type can compute in bfloat16. */
    public static boolean meetsBf16(DType type) {
        return type == DType.BF16 || type == DType.Q8;
    }

    /** Whether pages can have this many tokens: 4, 8 or a multiple of 16. */
    public static boolean supports(long pageTokens) {
        return pageTokens == 4 || pageTokens == 8 || pageTokens > 0 && pageTokens % 16 == 0;
    }

    /** Bytes of a page's keys of one head. */
    public static long keyBytes(DType type, long pageTokens, long headDim) {
        if (type == DType.Q8) {
            return pageTokens * type.byteSize(headDim);
        }
        return roundUp(headDim, pair(type)) / pair(type) * columns(pageTokens) * WORD;
    }

    /** Bytes of a page's values of one head. */
    public static long valueBytes(DType type, long pageTokens, long headDim) {
        if (type == DType.Q8) {
            return keyBytes(type, pageTokens, headDim);
        }
        return pageTokens / pair(type) * columns(headDim) * WORD;
    }

    /** Byte offset of a token's row of Q8 blocks in its head's keys or values. */
    public static long rowOffset(long headDim, long token) {
        return token * DType.Q8.byteSize(headDim);
    }

    /** Byte offset of element i of a token's key in its head's keys; not for Q8. */
    public static long keyOffset(DType type, long pageTokens, long headDim, long token, long i) {
        return offset(type, roundUp(headDim, pair(type)), columns(pageTokens), i, token);
    }

    /** Byte offset of element i of a token's value in its head's values; not for Q8. */
    public static long valueOffset(DType type, long pageTokens, long headDim, long token, long i) {
        return offset(type, pageTokens, columns(headDim), token, i);
    }

    private static long offset(DType type, long rows, long columns, long row, long column) {
        long pair = pair(type);
        long block = column / BLOCK * BLOCK;
        long width = Math.min(BLOCK, columns - block);
        long word = block * rows / pair + row / pair * width + column % BLOCK;
        return word * WORD + row % pair * type.byteSize();
    }

    /** Rows that share a word. */
    private static long pair(DType type) {
        return WORD / type.byteSize();
    }

    private static long columns(long n) {
        return roundUp(n, Panels.ROWS);
    }

    private static long roundUp(long n, long multiple) {
        return (n + multiple - 1) / multiple * multiple;
    }
}
