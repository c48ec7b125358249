package dev.ocellus.loader.image;

import java.util.Arrays;

/**
 * One of the planes Y, U, V, with the border that prediction reads: a row of 127 above, which
 * reaches 4 samples beyond the right edge, and a column of 129 on the left.
 */
final class Vp8Plane {
    private static final int RIGHT = 4;

    final byte[] samples;
    final int stride;

    Vp8Plane(int width, int height) {
        stride = 1 + width + RIGHT;
        samples = new byte[Math.multiplyExact(stride, height + 1)];
        Arrays.fill(samples, 0, stride, (byte) 127);
        for (int y = 1; y <= height; y++) {
            samples[y * stride] = (byte) 129;
        }
    }

    /** Index of sample (x, y); both may be -1. */
    int index(int x, int y) {
        return (y + 1) * stride + x + 1;
    }

    int at(int index) {
        return samples[index] & 0xff;
    }

    /** Stores {@code value} clamped to 0..255. */
    void put(int index, int value) {
        samples[index] = (byte) Math.clamp(value, 0, 255);
    }
}
