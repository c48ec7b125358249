package dev.ocellus.loader.image;

import dev.ocellus.tensor.Shape;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What a vision tower reads: float32 planes {@code [tiles, 3, height, width]} of all images, one
 * after the other.
 *
 * @param data the planes, contiguous and native byte order; lives as long as the arena that the
 *     caller of {@link ImagePreprocessor} gave, and follows its thread rules
 * @param height rows of a tile
 * @param width columns of a tile
 * @param tilesPerImage how many tiles each image got, in order
 */
public record PixelValues(MemorySegment data, int height, int width, List<Integer> tilesPerImage) {
    public PixelValues {
        tilesPerImage = List.copyOf(tilesPerImage);
    }

    /** Tiles of all images together. */
    public int tiles() {
        return tilesPerImage.stream().mapToInt(Integer::intValue).sum();
    }

    /** {@code [tiles, 3, height, width]}. */
    public Shape shape() {
        return Shape.of(tiles(), RgbImage.CHANNELS, height, width);
    }
}
