package dev.ocellus.loader.image;

import java.util.Arrays;

/**
 * Antialiased resampling with the 8-bit fixed-point arithmetic of Pillow's {@code Image.resize}, to
 * the bit: a horizontal pass, rounded to 8 bits, then a vertical one; a pass whose size does not
 * change is skipped. Weights have 22 fractional bits.
 *
 * <p>Rows of the horizontal pass live in a ring as high as the vertical filter, so the working
 * memory is a few output rows however tall the source is.
 */
public final class PillowResize {
    private static final int PRECISION_BITS = 32 - 8 - 2;
    private static final int HALF = 1 << (PRECISION_BITS - 1);

    private PillowResize() {}

    /**
     * Scales {@code source} to {@code width} x {@code height}; returns {@code source} itself when
     * it has that size.
     *
     * @throws IllegalArgumentException if a side is not positive or the result exceeds 2^31 bytes
     */
    public static RgbImage resize(RgbImage source, int width, int height, ResampleFilter filter) {
        if (width < 1 || height < 1 || (long) width * height > Integer.MAX_VALUE / 3) {
            throw new IllegalArgumentException("cannot resize to " + width + "x" + height);
        }
        boolean horizontal = source.width() != width;
        boolean vertical = source.height() != height;
        if (!horizontal && !vertical) {
            return source;
        }
        Taps columns = horizontal ? Taps.of(source.width(), width, filter) : null;
        byte[] out = new byte[width * height * 3];
        if (vertical) {
            Taps rows = Taps.of(source.height(), height, filter);
            resizeRows(source, columns, rows, width, height, out);
        } else {
            for (int y = 0; y < height; y++) {
                resizeRow(source, y, columns, out, y * width * 3);
            }
        }
        return new RgbImage(width, height, out);
    }

    private static void resizeRows(
            RgbImage source, Taps columns, Taps rows, int width, int height, byte[] out) {
        int stride = width * 3;
        int ringRows = columns == null ? source.height() : rows.size();
        byte[] ring = columns == null ? source.data() : new byte[ringRows * stride];
        int made = 0;
        int[] sums = new int[stride];
        for (int y = 0; y < height; y++) {
            int first = rows.first()[y];
            int count = rows.count()[y];
            if (columns != null) {
                for (made = Math.max(made, first); made < first + count; made++) {
                    resizeRow(source, made, columns, ring, made % ringRows * stride);
                }
            }
            Arrays.fill(sums, HALF);
            for (int k = 0; k < count; k++) {
                int weight = rows.weights()[y * rows.size() + k];
                addScaled(ring, (first + k) % ringRows * stride, weight, sums);
            }
            int o = y * stride;
            for (int i = 0; i < stride; i++) {
                out[o + i] = clip(sums[i]);
            }
        }
    }

    private static void addScaled(byte[] row, int offset, int weight, int[] sums) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += (row[offset + i] & 0xff) * weight;
        }
    }

    private static void resizeRow(RgbImage source, int y, Taps columns, byte[] out, int outOffset) {
        byte[] in = source.data();
        int row = y * source.width() * 3;
        int[] weights = columns.weights();
        int o = outOffset;
        for (int x = 0; x < columns.first().length; x++) {
            int i = row + columns.first()[x] * 3;
            int k = x * columns.size();
            int end = k + columns.count()[x];
            int r = HALF;
            int g = HALF;
            int b = HALF;
            for (; k < end; k++, i += 3) {
                int weight = weights[k];
                r += (in[i] & 0xff) * weight;
                g += (in[i + 1] & 0xff) * weight;
                b += (in[i + 2] & 0xff) * weight;
            }
            out[o++] = clip(r);
            out[o++] = clip(g);
            out[o++] = clip(b);
        }
    }

    private static byte clip(int sum) {
        return (byte) Math.clamp(sum >> PRECISION_BITS, 0, 255);
    }

    /**
     * The filter laid over one axis: output {@code i} is the sum of {@code count[i]} inputs from
     * {@code first[i]} on, with the weights from {@code i * size}.
     */
    private record Taps(int size, int[] first, int[] count, int[] weights) {
        static Taps of(int in, int out, ResampleFilter filter) {
            double scale = (double) in / out;
            double filterScale = Math.max(scale, 1.0);
            double support = filter.support() * filterScale;
            double step = 1.0 / filterScale;
            int size = (int) Math.ceil(support) * 2 + 1;
            int[] first = new int[out];
            int[] count = new int[out];
            int[] weights = new int[Math.multiplyExact(out, size)];
            double[] w = new double[size];
            for (int i = 0; i < out; i++) {
                double centre = (i + 0.5) * scale;
                first[i] = Math.max((int) (centre - support + 0.5), 0);
                count[i] = Math.min((int) (centre + support + 0.5), in) - first[i];
                double sum = 0;
                for (int k = 0; k < count[i]; k++) {
                    w[k] = filter.at((k + first[i] - centre + 0.5) * step);
                    sum += w[k];
                }
                for (int k = 0; k < count[i]; k++) {
                    double normalised = sum != 0 ? w[k] / sum : w[k];
                    double fixed = normalised * (1 << PRECISION_BITS);
                    weights[i * size + k] = (int) (fixed < 0 ? fixed - 0.5 : fixed + 0.5);
                }
            }
            return new Taps(size, first, count, weights);
        }
    }
}
