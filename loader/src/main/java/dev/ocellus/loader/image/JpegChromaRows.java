package dev.ocellus.loader.image;

/**
 * Smooths components that a JPEG file stores at half height but full width.
 *
 * <p>The JDK's libjpeg repeats their rows; libjpeg-turbo, which Pillow uses, interpolates: each
 * output row is 3/4 the nearer stored row and 1/4 the next nearest, rounded up and down in turn.
 * For all other sampling factors the two agree.
 */
final class JpegChromaRows {
    private JpegChromaRows() {}

    /**
     * Works in place on interleaved {@code samples} whose rows came out in equal pairs.
     *
     * @param sampling sampling factors of the components, as in {@link JpegHeader}
     */
    static void smooth(byte[] samples, int width, int height, int[] sampling) {
        int maxHorizontal = 0;
        int maxVertical = 0;
        for (int factors : sampling) {
            maxHorizontal = Math.max(maxHorizontal, factors >> 4);
            maxVertical = Math.max(maxVertical, factors & 15);
        }
        for (int band = 0; band < sampling.length; band++) {
            boolean fullWidth = sampling[band] >> 4 == maxHorizontal;
            boolean halfHeight = (sampling[band] & 15) * 2 == maxVertical;
            if (fullWidth && halfHeight) {
                smoothBand(samples, width, height, sampling.length, band);
            }
        }
    }

    private static void smoothBand(byte[] samples, int width, int height, int bands, int band) {
        int stride = width * bands;
        int stored = (height + 1) / 2;
        for (int x = 0; x < width; x++) {
            int column = x * bands + band;
            int above = samples[column] & 0xff;
            for (int k = 0; k < stored; k++) {
                int at = 2 * k * stride + column;
                int here = samples[at] & 0xff;
                int below = k + 1 < stored ? samples[at + 2 * stride] & 0xff : here;
                samples[at] = (byte) (3 * here + above + 1 >> 2);
                if (2 * k + 1 < height) {
                    samples[at + stride] = (byte) (3 * here + below + 2 >> 2);
                }
                above = here;
            }
        }
    }
}
