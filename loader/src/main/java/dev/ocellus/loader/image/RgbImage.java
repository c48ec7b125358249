package dev.ocellus.loader.image;

import java.awt.image.BufferedImage;
import java.util.Objects;

/**
 * 8-bit RGB pixels, interleaved, rows from the top without padding: sample {@code c} of pixel (x,
 * y) is {@code data[(y * width + x) * 3 + c]}, unsigned.
 *
 * <p>The image wraps its array without copying; whoever holds the image shares the array, and by
 * contract nobody writes to it once the image is made. Then it is safe for any number of threads.
 *
 * @param width columns, at least 1
 * @param height rows, at least 1
 * @param data {@code width * height * 3} samples
 */
public record RgbImage(int width, int height, byte[] data) {
    /** Samples a pixel has. */
    public static final int CHANNELS = 3;

    /**
     * @throws IllegalArgumentException if a side is not positive or the array has another length
     */
    public RgbImage {
        Objects.requireNonNull(data, "data");
        if (width < 1 || height < 1) {
            throw new IllegalArgumentException("empty image: " + width + "x" + height);
        }
        if (data.length != (long) width * height * CHANNELS) {
            throw new IllegalArgumentException(
                    width + "x" + height + " RGB image with " + data.length + " bytes");
        }
    }

    /**
     * Copies the sRGB pixels of {@code image}, as {@link BufferedImage#getRGB(int, int)} gives
     * them, without alpha.
     */
    public static RgbImage of(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        byte[] data = new byte[Math.multiplyExact(Math.multiplyExact(width, height), CHANNELS)];
        int[] row = new int[width];
        int o = 0;
        for (int y = 0; y < height; y++) {
            image.getRGB(0, y, width, 1, row, 0, width);
            for (int argb : row) {
                data[o++] = (byte) (argb >> 16);
                data[o++] = (byte) (argb >> 8);
                data[o++] = (byte) argb;
            }
        }
        return new RgbImage(width, height, data);
    }
}
