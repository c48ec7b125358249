package dev.ocellus.loader.image;

import java.util.Arrays;

/** Intra prediction and inverse transforms of VP8 (RFC 6386, sections 12 and 14). */
final class Vp8Prediction {
    static final int DC = 0;
    static final int VERTICAL = 1;
    static final int HORIZONTAL = 2;
    static final int TRUE_MOTION = 3;

    private Vp8Prediction() {}

    /** Predicts a whole block of {@code size} 16 (luma) or 8 (chroma) samples a side. */
    static void block(Vp8Plane plane, int x, int y, int size, int mode) {
        int origin = plane.index(x, y);
        int stride = plane.stride;
        switch (mode) {
            case DC -> {
                int dc = average(plane, origin, size, x > 0, y > 0);
                fill(plane, origin, size, dc);
            }
            case VERTICAL -> {
                for (int r = 0; r < size; r++) {
                    System.arraycopy(
                            plane.samples,
                            origin - stride,
                            plane.samples,
                            origin + r * stride,
                            size);
                }
            }
            case HORIZONTAL -> {
                for (int r = 0; r < size; r++) {
                    int row = origin + r * stride;
                    Arrays.fill(plane.samples, row, row + size, plane.samples[row - 1]);
                }
            }
            default -> trueMotion(plane, origin, size);
        }
    }

    private static int average(Vp8Plane plane, int origin, int size, boolean left, boolean top) {
        int sum = 0;
        for (int i = 0; i < size; i++) {
            sum += left ? plane.at(origin + i * plane.stride - 1) : 0;
            sum += top ? plane.at(origin - plane.stride + i) : 0;
        }
        int count = (left ? size : 0) + (top ? size : 0);
        return count == 0 ? 128 : (sum + count / 2) / count;
    }

    private static void fill(Vp8Plane plane, int origin, int size, int value) {
        for (int r = 0; r < size; r++) {
            int row = origin + r * plane.stride;
            Arrays.fill(plane.samples, row, row + size, (byte) value);
        }
    }

    private static void trueMotion(Vp8Plane plane, int origin, int size) {
        int above = origin - plane.stride;
        int corner = plane.at(above - 1);
        for (int r = 0; r < size; r++) {
            int row = origin + r * plane.stride;
            int offset = plane.at(row - 1) - corner;
            for (int c = 0; c < size; c++) {
                plane.put(row + c, plane.at(above + c) + offset);
            }
        }
    }

    /**
     * Predicts a luma subblock of 4x4 samples.
     *
     * @param origin index of its first sample
     * @param mode number of the mode in section 11.2
     * @param edge scratch of 13: filled with the samples from below left over the corner to above
     *     right
     * @param aboveRight index of the first of the four samples above and right of it
     */
    static void subblock(Vp8Plane plane, int origin, int mode, int[] edge, int aboveRight) {
        int stride = plane.stride;
        for (int i = 0; i < 4; i++) {
            edge[3 - i] = plane.at(origin + i * stride - 1);
            edge[5 + i] = plane.at(origin - stride + i);
            edge[9 + i] = plane.at(aboveRight + i);
        }
        edge[4] = plane.at(origin - stride - 1);
        if (mode == 1) {
            trueMotion(plane, origin, 4);
            return;
        }
        if (mode == 0) {
            fill(plane, origin, 4, average(plane, origin, 4, true, true));
            return;
        }
        for (int r = 0; r < 4; r++) {
            for (int c = 0; c < 4; c++) {
                plane.samples[origin + r * stride + c] = (byte) directional(mode, edge, r, c);
            }
        }
    }

    /** Sample (c, r) of the modes that smooth along a direction; {@code e[4]} is the corner. */
    private static int directional(int mode, int[] e, int r, int c) {
        return switch (mode) {
            case 2 -> smooth(e, 5 + c);
            case 3 -> r == 3 ? (e[1] + 3 * e[0] + 2) >> 2 : smooth(e, 3 - r);
            case 4 -> r + c == 6 ? (e[11] + 3 * e[12] + 2) >> 2 : smooth(e, 6 + r + c);
            case 5 -> smooth(e, 4 - r + c);
            case 6 -> verticalRight(e, r, c);
            case 7 -> verticalLeft(e, r, c);
            case 8 -> horizontalDown(e, r, c);
            default -> horizontalUp(e, c + 2 * r);
        };
    }

    private static int verticalRight(int[] e, int r, int c) {
        int k = c - r / 2;
        if (k < 0) {
            return smooth(e, 5 - r);
        }
        return r % 2 == 0 ? between(e, 4 + k) : smooth(e, 4 + k);
    }

    private static int verticalLeft(int[] e, int r, int c) {
        if (c == 3 && r >= 2) {
            return smooth(e, 8 + r);
        }
        return r % 2 == 0 ? between(e, 5 + r / 2 + c) : smooth(e, 6 + r / 2 + c);
    }

    private static int horizontalDown(int[] e, int r, int c) {
        if (r == 0 && c >= 2) {
            return smooth(e, 3 + c);
        }
        return c % 2 == 0 ? between(e, 3 - r + c / 2) : smooth(e, 4 - r + c / 2);
    }

    private static int horizontalUp(int[] e, int k) {
        if (k >= 5) {
            return k == 5 ? (e[1] + 3 * e[0] + 2) >> 2 : e[0];
        }
        return k % 2 == 0 ? between(e, 2 - k / 2) : smooth(e, 2 - k / 2);
    }

    private static int smooth(int[] e, int i) {
        return (e[i - 1] + 2 * e[i] + e[i + 1] + 2) >> 2;
    }

    private static int between(int[] e, int i) {
        return (e[i] + e[i + 1] + 1) >> 1;
    }

    /** Section 14.3: turns 16 Y2 coefficients into the DC coefficients of the 16 luma blocks. */
    static void inverseWalshHadamard(short[] y2, short[] coefficients) {
        int[] t = new int[16];
        for (int i = 0; i < 4; i++) {
            int a = y2[i] + y2[12 + i];
            int b = y2[4 + i] + y2[8 + i];
            int c = y2[4 + i] - y2[8 + i];
            int d = y2[i] - y2[12 + i];
            t[i] = a + b;
            t[4 + i] = d + c;
            t[8 + i] = a - b;
            t[12 + i] = d - c;
        }
        for (int i = 0; i < 4; i++) {
            int a = t[4 * i] + t[4 * i + 3] + 3;
            int b = t[4 * i + 1] + t[4 * i + 2];
            int c = t[4 * i + 1] - t[4 * i + 2];
            int d = t[4 * i] - t[4 * i + 3] + 3;
            coefficients[64 * i] = (short) (a + b >> 3);
            coefficients[64 * i + 16] = (short) (d + c >> 3);
            coefficients[64 * i + 32] = (short) (a - b >> 3);
            coefficients[64 * i + 48] = (short) (d - c >> 3);
        }
    }

    /**
     * Section 14.4: adds the inverse transform of 16 coefficients to the block at {@code origin}.
     */
    static void addInverseDct(short[] in, int at, Vp8Plane plane, int origin, int[] scratch) {
        for (int i = 0; i < 4; i++) {
            int a = in[at + i] + in[at + 8 + i];
            int b = in[at + i] - in[at + 8 + i];
            int c = sine(in[at + 4 + i]) - cosine(in[at + 12 + i]);
            int d = cosine(in[at + 4 + i]) + sine(in[at + 12 + i]);
            scratch[i] = a + d;
            scratch[4 + i] = b + c;
            scratch[8 + i] = b - c;
            scratch[12 + i] = a - d;
        }
        for (int r = 0; r < 4; r++) {
            int a = scratch[4 * r] + scratch[4 * r + 2] + 4;
            int b = scratch[4 * r] - scratch[4 * r + 2] + 4;
            int c = sine(scratch[4 * r + 1]) - cosine(scratch[4 * r + 3]);
            int d = cosine(scratch[4 * r + 1]) + sine(scratch[4 * r + 3]);
            int o = origin + r * plane.stride;
            plane.put(o, plane.at(o) + (a + d >> 3));
            plane.put(o + 1, plane.at(o + 1) + (b + c >> 3));
            plane.put(o + 2, plane.at(o + 2) + (b - c >> 3));
            plane.put(o + 3, plane.at(o + 3) + (a - d >> 3));
        }
    }

    /** sqrt(2) * cos(pi / 8) in 16-bit fixed point. */
    private static int cosine(int v) {
        return (v * 20091 >> 16) + v;
    }

    /** sqrt(2) * sin(pi / 8) in 16-bit fixed point. */
    private static int sine(int v) {
        return v * 35468 >> 16;
    }
}
