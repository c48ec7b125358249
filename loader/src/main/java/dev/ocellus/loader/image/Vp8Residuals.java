package dev.ocellus.loader.image;

import java.util.Arrays;

/** Reads the quantised coefficients of macroblocks (RFC 6386, section 13). */
final class Vp8Residuals {
    private static final int[] ZIGZAG = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};
    private static final int[] BANDS = {0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0};
    private static final int[][] LARGE = {
        {173, 148, 140},
        {176, 155, 140, 135},
        {180, 157, 141, 134, 130},
        {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}
    };
    private static final int Y_AFTER_Y2 = 0;
    private static final int Y2 = 1;
    private static final int CHROMA = 2;
    private static final int Y_WITH_DC = 3;

    /** Contexts of one column or row of macroblocks: 4 luma, 2 U, 2 V, 1 Y2. */
    private static final int CONTEXTS = 9;

    private static final int Y2_CONTEXT = 8;

    /** DC and AC factors of luma, Y2 and chroma blocks. */
    record Factors(int yDc, int yAc, int y2Dc, int y2Ac, int uvDc, int uvAc) {}

    /** Dequantised coefficients of the macroblock just read: 16 luma, 4 U and 4 V blocks of 16. */
    final short[] coefficients = new short[24 * 16];

    private final short[] y2 = new short[16];
    private final byte[] probabilities;
    private final boolean[] above;
    private final boolean[] left = new boolean[CONTEXTS];

    Vp8Residuals(byte[] probabilities, int columns) {
        this.probabilities = probabilities;
        this.above = new boolean[columns * CONTEXTS];
    }

    void startRow() {
        Arrays.fill(left, false);
    }

    /** Notes a macroblock without coefficients. */
    void skip(int column, boolean hasY2) {
        int contexts = hasY2 ? CONTEXTS : CONTEXTS - 1;
        Arrays.fill(above, column * CONTEXTS, column * CONTEXTS + contexts, false);
        Arrays.fill(left, 0, contexts, false);
    }

    /** Reads a macroblock; returns whether any of its samples change. */
    boolean read(Vp8Bits bits, int column, boolean hasY2, Factors f) {
        Arrays.fill(coefficients, (short) 0);
        boolean any = false;
        if (hasY2) {
            Arrays.fill(y2, (short) 0);
            block(bits, Y2, column, Y2_CONTEXT, Y2_CONTEXT, 0, f.y2Dc, f.y2Ac, y2, 0);
            Vp8Prediction.inverseWalshHadamard(y2, coefficients);
        }
        int type = hasY2 ? Y_AFTER_Y2 : Y_WITH_DC;
        int first = hasY2 ? 1 : 0;
        for (int b = 0; b < 16; b++) {
            any |=
                    block(
                            bits,
                            type,
                            column,
                            b % 4,
                            b / 4,
                            first,
                            f.yDc,
                            f.yAc,
                            coefficients,
                            b * 16);
        }
        for (int b = 16; b < 24; b++) {
            int plane = b < 20 ? 4 : 6;
            any |=
                    block(
                            bits,
                            CHROMA,
                            column,
                            plane + b % 2,
                            plane + b / 2 % 2,
                            0,
                            f.uvDc,
                            f.uvAc,
                            coefficients,
                            b * 16);
        }
        return any;
    }

    private boolean block(
            Vp8Bits bits,
            int type,
            int column,
            int aboveContext,
            int leftContext,
            int first,
            int dc,
            int ac,
            short[] out,
            int at) {
        int aboveIndex = column * CONTEXTS + aboveContext;
        int context = (above[aboveIndex] ? 1 : 0) + (left[leftContext] ? 1 : 0);
        int end = coefficients(bits, type, context, first, dc, ac, out, at);
        above[aboveIndex] = end > first;
        left[leftContext] = end > first;
        return end > 1 || out[at] != 0;
    }

    /** Reads one block; returns the position after its last coefficient. */
    private int coefficients(
            Vp8Bits bits, int type, int context, int first, int dc, int ac, short[] out, int at) {
        int n = first;
        int p = probability(type, n, context);
        while (n < 16) {
            if (!bits.bool(probabilities[p] & 0xff)) {
                return n;
            }
            while (!bits.bool(probabilities[p + 1] & 0xff)) {
                n++;
                if (n == 16) {
                    return 16;
                }
                p = probability(type, n, 0);
            }
            int value = 1;
            int nextContext = 1;
            if (bits.bool(probabilities[p + 2] & 0xff)) {
                value = large(bits, p);
                nextContext = 2;
            }
            int signed = bits.flag() ? -value : value;
            out[at + ZIGZAG[n]] = (short) (signed * (n == 0 ? dc : ac));
            n++;
            p = probability(type, n, nextContext);
        }
        return 16;
    }

    private static int probability(int type, int position, int context) {
        return ((type * 8 + BANDS[position]) * 3 + context) * Vp8Tables.COEFFICIENT_PROBABILITIES;
    }

    /** A value of 2 or more, by the token tree below node {@code p + 3}. */
    private int large(Vp8Bits bits, int p) {
        if (!bits.bool(probabilities[p + 3] & 0xff)) {
            if (!bits.bool(probabilities[p + 4] & 0xff)) {
                return 2;
            }
            return 3 + bits.bit(probabilities[p + 5] & 0xff);
        }
        if (!bits.bool(probabilities[p + 6] & 0xff)) {
            if (!bits.bool(probabilities[p + 7] & 0xff)) {
                return 5 + bits.bit(159);
            }
            return 7 + 2 * bits.bit(165) + bits.bit(145);
        }
        int high = bits.bit(probabilities[p + 8] & 0xff);
        int category = 2 * high + bits.bit(probabilities[p + 9 + high] & 0xff);
        int extra = 0;
        for (int probability : LARGE[category]) {
            extra = 2 * extra + bits.bit(probability);
        }
        return extra + 3 + (8 << category);
    }
}
