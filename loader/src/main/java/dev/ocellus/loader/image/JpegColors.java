package dev.ocellus.loader.image;

/**
 * Colour conversions of decoded JPEG samples, with the integer arithmetic of libjpeg and Pillow.
 */
final class JpegColors {
    private static final int HALF = 1 << 15;
    private static final int[] CR_TO_RED = new int[256];
    private static final int[] CB_TO_BLUE = new int[256];
    private static final int[] CR_TO_GREEN = new int[256];
    private static final int[] CB_TO_GREEN = new int[256];

    static {
        for (int i = 0; i < 256; i++) {
            int chroma = i - 128;
            CR_TO_RED[i] = (fixed(1.40200) * chroma + HALF) >> 16;
            CB_TO_BLUE[i] = (fixed(1.77200) * chroma + HALF) >> 16;
            CR_TO_GREEN[i] = -fixed(0.71414) * chroma;
            CB_TO_GREEN[i] = -fixed(0.34414) * chroma + HALF;
        }
    }

    private JpegColors() {}

    private static int fixed(double value) {
        return (int) (value * (1 << 16) + 0.5);
    }

    /** Turns the first three of every {@code stride} samples from YCbCr to RGB, in place. */
    static void yccToRgb(byte[] samples, int stride) {
        for (int i = 0; i < samples.length; i += stride) {
            int y = samples[i] & 0xff;
            int cb = samples[i + 1] & 0xff;
            int cr = samples[i + 2] & 0xff;
            samples[i] = clip(y + CR_TO_RED[cr]);
            samples[i + 1] = clip(y + ((CB_TO_GREEN[cb] + CR_TO_GREEN[cr]) >> 16));
            samples[i + 2] = clip(y + CB_TO_BLUE[cb]);
        }
    }

    /**
     * Pillow's way from stored CMYK to RGB. Stored samples count as inverted, Adobe's habit,
     * whether or not the file has Adobe's marker.
     *
     * @param firstThreeAreRgb the samples come from YCCK, whose first three convert to RGB and are
     *     inverted to CMY by libjpeg
     */
    static byte[] cmykToRgb(byte[] samples, boolean firstThreeAreRgb) {
        byte[] rgb = new byte[samples.length / 4 * RgbImage.CHANNELS];
        int flip = firstThreeAreRgb ? 0 : 0xff;
        for (int i = 0, o = 0; i < samples.length; i += 4, o += RgbImage.CHANNELS) {
            int white = samples[i + 3] & 0xff;
            for (int c = 0; c < RgbImage.CHANNELS; c++) {
                int ink = (samples[i + c] & 0xff) ^ flip;
                int product = ink * white + 128;
                rgb[o + c] = clip(white - (((product >> 8) + product) >> 8));
            }
        }
        return rgb;
    }

    private static byte clip(int value) {
        return (byte) Math.clamp(value, 0, 255);
    }
}
