package dev.ocellus.loader.image;

import dev.ocellus.kernels.scalar.ScalarProvider;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Images more than a hundred times as tall as they are wide. Pillow shrinks them vertically before
 * it turns to the rows, and rounds in between.
 */
final class TallImage {
    private static final int RATIO = 100;

    private TallImage() {}

    /** Whether an image is resized to {@code height} rows before anything else. */
    static boolean shrinksFirst(RgbImage image, int height) {
        return image.height() > (long) image.width() * RATIO && height < image.height();
    }

    /** The image with {@code height} rows of the same width. */
    static RgbImage shrunk(RgbImage image, int height, ResampleFilter filter) {
        Canvas canvas = new Canvas(image, image.width(), height, filter);
        long plane = (long) canvas.width() * height;
        byte[] pixels = new byte[Math.toIntExact(RgbImage.CHANNELS * plane)];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment same = arena.allocate(ValueLayout.JAVA_FLOAT, RgbImage.CHANNELS * 256L);
            for (int i = 0; i < RgbImage.CHANNELS * 256; i++) {
                same.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 256);
            }
            MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, pixels.length);
            var tile = new CanvasTiles.Tile(View.whole(canvas), out.address());
            var planes = new CanvasTiles.Planes(same.address(), canvas.width(), plane);
            CanvasTiles tiles = new CanvasTiles(canvas, List.of(tile), planes, arena);
            ImageTiles all = new ImageTiles(image, List.of(tiles));
            all.run(0, all.bands(), new ScalarProvider());
            for (int i = 0; i < pixels.length; i++) {
                long at = i % RgbImage.CHANNELS * plane + i / RgbImage.CHANNELS;
                pixels[i] = (byte) (int) out.getAtIndex(ValueLayout.JAVA_FLOAT, at);
            }
        }
        return new RgbImage(canvas.width(), height, pixels);
    }
}
