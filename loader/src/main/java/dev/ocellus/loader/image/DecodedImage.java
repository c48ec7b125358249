package dev.ocellus.loader.image;

/**
 * A decoded file: its pixels as stored, and how they should be turned for viewing. Immutable.
 *
 * @param pixels the stored pixels, orientation not applied
 * @param orientation EXIF orientation 1..8; 1 when the file says nothing
 * @param format what the file was
 */
public record DecodedImage(RgbImage pixels, int orientation, ImageFormat format) {
    /**
     * @throws IllegalArgumentException if {@code orientation} is not in 1..8
     */
    public DecodedImage {
        if (orientation < 1 || orientation > 8) {
            throw new IllegalArgumentException("EXIF orientation " + orientation);
        }
    }

    /** The pixels turned and mirrored as the orientation says; the stored ones when it is 1. */
    public RgbImage upright() {
        if (orientation == 1) {
            return pixels;
        }
        int w = pixels.width();
        int h = pixels.height();
        boolean swapped = orientation >= 5;
        int outWidth = swapped ? h : w;
        int outHeight = swapped ? w : h;
        byte[] in = pixels.data();
        byte[] out = new byte[in.length];
        int o = 0;
        for (int y = 0; y < outHeight; y++) {
            for (int x = 0; x < outWidth; x++) {
                int sx = swapped ? y : x;
                int sy = swapped ? x : y;
                if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) {
                    sx = w - 1 - sx;
                }
                if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) {
                    sy = h - 1 - sy;
                }
                int i = (sy * w + sx) * RgbImage.CHANNELS;
                out[o++] = in[i];
                out[o++] = in[i + 1];
                out[o++] = in[i + 2];
            }
        }
        return new RgbImage(outWidth, outHeight, out);
    }
}
