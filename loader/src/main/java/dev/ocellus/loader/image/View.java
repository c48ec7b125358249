package dev.ocellus.loader.image;

import java.util.Arrays;

/**
 * A rectangle of an image that becomes one tile. It may reach beyond the image: there it is black.
 *
 * @param x column of the left edge, may be negative
 * @param y row of the upper edge, may be negative
 */
record View(RgbImage image, int x, int y, int width, int height) {
    static View whole(RgbImage image) {
        return new View(image, 0, 0, image.width(), image.height());
    }

    /**
     * Writes channel {@code channel} of row {@code row}, normalised, to the start of {@code out}.
     */
    void row(int row, int channel, Normalization normalization, float[] out) {
        float[] values = normalization.channel(channel);
        int sourceY = y + row;
        int from = Math.clamp(-(long) x, 0, width);
        int to = Math.clamp((long) image.width() - x, from, width);
        if (sourceY < 0 || sourceY >= image.height()) {
            to = from;
        }
        Arrays.fill(out, 0, from, values[0]);
        byte[] data = image.data();
        int i = (sourceY * image.width() + x + from) * RgbImage.CHANNELS + channel;
        for (int column = from; column < to; column++, i += RgbImage.CHANNELS) {
            out[column] = values[data[i] & 0xff];
        }
        Arrays.fill(out, to, width, values[0]);
    }
}
