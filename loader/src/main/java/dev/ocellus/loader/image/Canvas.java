package dev.ocellus.loader.image;

/**
 * An image as it will be when {@code source} has been resized, which happens only where a {@link
 * View} of it becomes a tile.
 */
record Canvas(RgbImage source, int width, int height, ResampleFilter filter) {
    /** The image resized as Pillow does it. */
    static Canvas of(RgbImage image, int width, int height, ResampleFilter filter) {
        RgbImage source =
                TallImage.shrinksFirst(image, height)
                        ? TallImage.shrunk(image, height, filter)
                        : image;
        return new Canvas(source, width, height, filter);
    }

    /** The image in its own size. */
    static Canvas of(RgbImage image) {
        return new Canvas(image, image.width(), image.height(), ResampleFilter.BOX);
    }
}
