package dev.ocellus.loader.image;

/** Inverse transforms of lossless WebP (RFC 9649, section 3.5) on ARGB ints. */
final class Vp8lTransforms {
    private static final int BLACK = 0xff000000;

    private Vp8lTransforms() {}

    /** Adds to each pixel the prediction that its block's mode makes from its neighbours. */
    static void predict(int[] pixels, int width, int bits, int[] modes) {
        int blocks = Vp8lCodec.blocks(width, bits);
        for (int i = 0; i < pixels.length; i++) {
            int y = i / width;
            int x = i - y * width;
            int prediction;
            if (y == 0) {
                prediction = x == 0 ? BLACK : pixels[i - 1];
            } else if (x == 0) {
                prediction = pixels[i - width];
            } else {
                int mode = modes[(y >> bits) * blocks + (x >> bits)] >> 8 & 15;
                prediction = prediction(pixels, i, width, mode);
            }
            pixels[i] = add(pixels[i], prediction);
        }
    }

    private static int prediction(int[] p, int i, int width, int mode) {
        int left = p[i - 1];
        int top = p[i - width];
        // At the right edge this is the first pixel of the current row, as the format says.
        int topRight = p[i - width + 1];
        int topLeft = p[i - width - 1];
        return switch (mode) {
            case 1 -> left;
            case 2 -> top;
            case 3 -> topRight;
            case 4 -> topLeft;
            case 5 -> average(average(left, topRight), top);
            case 6 -> average(left, topLeft);
            case 7 -> average(left, top);
            case 8 -> average(topLeft, top);
            case 9 -> average(top, topRight);
            case 10 -> average(average(left, topLeft), average(top, topRight));
            case 11 -> distance(top, topLeft) < distance(left, topLeft) ? left : top;
            case 12 -> gradient(left, top, topLeft);
            case 13 -> halfGradient(average(left, top), topLeft);
            default -> BLACK;
        };
    }

    /** Adds the shares of green and red that were taken from red and blue. */
    static void restoreColors(int[] pixels, int width, int bits, int[] multipliers) {
        int blocks = Vp8lCodec.blocks(width, bits);
        for (int i = 0; i < pixels.length; i++) {
            int y = i / width;
            int x = i - y * width;
            int m = multipliers[(y >> bits) * blocks + (x >> bits)];
            int argb = pixels[i];
            byte green = (byte) (argb >> 8);
            int red = (argb >> 16) + ((byte) m * green >> 5) & 0xff;
            int blue = argb + ((byte) (m >> 8) * green >> 5);
            blue = blue + ((byte) (m >> 16) * (byte) red >> 5) & 0xff;
            pixels[i] = argb & 0xff00ff00 | red << 16 | blue;
        }
    }

    static void addGreen(int[] pixels) {
        for (int i = 0; i < pixels.length; i++) {
            int green = pixels[i] >> 8 & 0xff;
            int redBlue = (pixels[i] & 0xff00ff) + (green << 16 | green) & 0xff00ff;
            pixels[i] = pixels[i] & 0xff00ff00 | redBlue;
        }
    }

    /**
     * Replaces palette indices, several to a pixel where {@code bits} is not 0, by colours.
     *
     * @param bits logarithm of the indices in a pixel
     */
    static int[] expandPalette(int[] packed, int width, int height, int bits, int[] palette) {
        int packedWidth = Vp8lCodec.blocks(width, bits);
        int indexBits = 8 >> bits;
        int[] out = new int[width * height];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int indices = packed[y * packedWidth + (x >> bits)] >> 8 & 0xff;
                int shift = (x & (1 << bits) - 1) * indexBits;
                int index = indices >> shift & (1 << indexBits) - 1;
                out[y * width + x] = index < palette.length ? palette[index] : 0;
            }
        }
        return out;
    }

    /** Sums of the four channels, each modulo 256. */
    static int add(int a, int b) {
        int alphaGreen = (a & 0xff00ff00) + (b & 0xff00ff00) & 0xff00ff00;
        return alphaGreen | (a & 0xff00ff) + (b & 0xff00ff) & 0xff00ff;
    }

    private static int average(int a, int b) {
        return ((a ^ b) >>> 1 & 0x7f7f7f7f) + (a & b);
    }

    private static int distance(int a, int b) {
        int sum = 0;
        for (int shift = 0; shift < 32; shift += 8) {
            sum += Math.abs((a >> shift & 0xff) - (b >> shift & 0xff));
        }
        return sum;
    }

    private static int gradient(int left, int top, int topLeft) {
        int out = 0;
        for (int shift = 0; shift < 32; shift += 8) {
            int value = (left >> shift & 0xff) + (top >> shift & 0xff) - (topLeft >> shift & 0xff);
            out |= Math.clamp(value, 0, 255) << shift;
        }
        return out;
    }

    private static int halfGradient(int average, int topLeft) {
        int out = 0;
        for (int shift = 0; shift < 32; shift += 8) {
            int a = average >> shift & 0xff;
            int value = a + (a - (topLeft >> shift & 0xff)) / 2;
            out |= Math.clamp(value, 0, 255) << shift;
        }
        return out;
    }
}
