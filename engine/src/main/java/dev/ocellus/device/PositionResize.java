package dev.ocellus.device;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Resizes the grid of a position table: bicubic with a = -0.75, no antialias, corners not aligned,
 * border clamped, in float32 with the vertical weights applied last. This is PyTorch's {@code
 * interpolate(mode="bicubic", align_corners=False)}. At equal size the table is copied.
 */
final class PositionResize {
    private static final float A = -0.75f;

    private PositionResize() {}

    /**
     * {@code table} float32 [1 + g^2, cols], {@code to} float32 [1 + height * width, cols]; row 0
     * is copied.
     */
    static void resize(
            MemorySegment table, long rows, long cols, long height, long width, MemorySegment to) {
        long g = Math.round(Math.sqrt(rows - 1.0));
        if (g == height && g == width) {
            MemorySegment.copy(table, 0, to, 0, rows * cols * 4);
            return;
        }
        MemorySegment.copy(table, 0, to, 0, cols * 4);
        long[][] xs = new long[(int) width][];
        float[][] wx = new float[(int) width][];
        for (int x = 0; x < width; x++) {
            xs[x] = new long[4];
            wx[x] = taps(x, g, width, xs[x]);
        }
        long[] ys = new long[4];
        for (int y = 0; y < height; y++) {
            float[] wy = taps(y, g, height, ys);
            for (int x = 0; x < width; x++) {
                long out = (1 + y * width + x) * cols;
                for (long c = 0; c < cols; c++) {
                    float sum = 0;
                    for (int i = 0; i < 4; i++) {
                        float row = 0;
                        for (int j = 0; j < 4; j++) {
                            row += at(table, (1 + ys[i] * g + xs[x][j]) * cols + c) * wx[x][j];
                        }
                        sum += row * wy[i];
                    }
                    to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, (out + c) * 4, sum);
                }
            }
        }
    }

    /** Source indices of the four taps of output {@code i}, and their weights. */
    private static float[] taps(int i, long from, long to, long[] index) {
        float scale = (float) from / to;
        float at = scale * (i + 0.5f) - 0.5f;
        long floor = (long) Math.floor(at);
        float t = at - floor;
        for (int k = 0; k < 4; k++) {
            index[k] = Math.clamp(floor - 1 + k, 0, from - 1);
        }
        float rest = 1 - t;
        return new float[] {outer(t + 1), inner(t), inner(rest), outer(rest + 1)};
    }

    private static float inner(float x) {
        return ((A + 2) * x - (A + 3)) * x * x + 1;
    }

    private static float outer(float x) {
        return ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
    }

    private static float at(MemorySegment s, long i) {
        return s.get(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4);
    }
}
