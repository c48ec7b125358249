package dev.ocellus.loader.image;

import java.util.ArrayList;
import java.util.List;

/** The steps that preprocessing pipelines are made of. */
final class Transforms {
    /** A narrow image blown up by its shorter side can get very long; beyond this it is refused. */
    private static final long MAX_PIXELS = ImageDecoder.DEFAULT_MAX_PIXELS;

    private Transforms() {}

    static Canvas resize(RgbImage image, TargetSize size, ResampleFilter filter) {
        return switch (size) {
            case TargetSize.Exact exact -> resize(image, exact.width(), exact.height(), filter);
            case TargetSize.ShortestEdge shortest -> {
                long longer = scaled(shortest.edge(), longer(image), shorter(image));
                yield image.width() <= image.height()
                        ? resize(image, shortest.edge(), longer, filter)
                        : resize(image, longer, shortest.edge(), filter);
            }
            case TargetSize.Edges edges ->
                    resizeWithin(image, edges.shortest(), edges.longest(), true, filter);
        };
    }

    /**
     * Shorter side to {@code size}, less if the longer side would exceed {@code maxSize}. The
     * clamped size is rounded; the longer side then follows from it ({@code exactRatio} false, the
     * original Grounding DINO code) or from the size before rounding ({@code true}, its image
     * processor).
     */
    static Canvas resizeWithin(
            RgbImage image, int size, int maxSize, boolean exactRatio, ResampleFilter filter) {
        double shorter = shorter(image);
        double longer = longer(image);
        double edge = size;
        int rounded = size;
        if (longer / shorter * size > maxSize) {
            edge = maxSize * shorter / longer;
            rounded = (int) Math.rint(edge);
        }
        if (shorter(image) == rounded) {
            return Canvas.of(image);
        }
        double from = exactRatio ? edge : rounded;
        return image.width() < image.height()
                ? resize(image, rounded, (long) (from * image.height() / image.width()), filter)
                : resize(image, (long) (from * image.width() / image.height()), rounded, filter);
    }

    private static Canvas resize(RgbImage image, long width, long height, ResampleFilter filter) {
        if (width < 1 || height < 1 || width > MAX_PIXELS || width * height > MAX_PIXELS) {
            throw new ImageException(
                    ("the image has %dx%d pixels and would be resized to %dx%d;"
                                    + " crop it to a less extreme shape first")
                            .formatted(image.width(), image.height(), width, height));
        }
        return Canvas.of(image, (int) width, (int) height, filter);
    }

    /** Cuts the image, resized as a whole, into the tiles of {@link TileGrid}. */
    static List<View> tiles(
            RgbImage image,
            TargetSize.Exact tile,
            int minTiles,
            int maxTiles,
            boolean thumbnail,
            ResampleFilter filter) {
        TileGrid grid =
                TileGrid.choose(
                        image.width(),
                        image.height(),
                        minTiles,
                        maxTiles,
                        tile.width(),
                        tile.height());
        Canvas canvas =
                resize(
                        image,
                        (long) grid.columns() * tile.width(),
                        (long) grid.rows() * tile.height(),
                        filter);
        List<View> tiles = new ArrayList<>();
        for (int row = 0; row < grid.rows(); row++) {
            for (int column = 0; column < grid.columns(); column++) {
                tiles.add(
                        new View(
                                canvas,
                                column * tile.width(),
                                row * tile.height(),
                                tile.width(),
                                tile.height()));
            }
        }
        if (grid.tiles(thumbnail) > tiles.size()) {
            tiles.add(View.whole(resize(image, tile, filter)));
        }
        return tiles;
    }

    /**
     * The image in the middle of the smallest square, the rest filled with {@code int(mean * 255)}.
     */
    static RgbImage padToSquare(RgbImage image, PerChannel mean) {
        int width = image.width();
        int height = image.height();
        if (width == height) {
            return image;
        }
        int side = Math.max(width, height);
        if ((long) side * side > MAX_PIXELS) {
            throw new ImageException(
                    ("the image has %dx%d pixels and would be padded to a square of %d;"
                                    + " crop it to a less extreme shape first")
                            .formatted(width, height, side));
        }
        byte[] out = new byte[side * side * RgbImage.CHANNELS];
        for (int i = 0; i < out.length; i += RgbImage.CHANNELS) {
            out[i] = (byte) (int) (mean.red() * 255);
            out[i + 1] = (byte) (int) (mean.green() * 255);
            out[i + 2] = (byte) (int) (mean.blue() * 255);
        }
        int left = (side - width) / 2;
        int top = (side - height) / 2;
        int rowBytes = width * RgbImage.CHANNELS;
        for (int y = 0; y < height; y++) {
            int target = ((top + y) * side + left) * RgbImage.CHANNELS;
            System.arraycopy(image.data(), y * rowBytes, out, target, rowBytes);
        }
        return new RgbImage(side, side, out);
    }

    /** The centre square; an offset of a half is rounded to the even neighbour (torchvision). */
    static View centreRoundedToEven(Canvas canvas, int size) {
        int x = (int) Math.rint((canvas.width() - size) / 2.0);
        int y = (int) Math.rint((canvas.height() - size) / 2.0);
        return new View(canvas, x, y, size, size);
    }

    /** The centre rectangle; an offset of a half is rounded down (image processors). */
    static View centreRoundedDown(Canvas canvas, TargetSize.Exact size) {
        int x = Math.floorDiv(canvas.width() - size.width(), 2);
        int y = Math.floorDiv(canvas.height() - size.height(), 2);
        return new View(canvas, x, y, size.width(), size.height());
    }

    private static long scaled(int edge, int longer, int shorter) {
        return (long) ((double) ((long) edge * longer) / shorter);
    }

    private static int shorter(RgbImage image) {
        return Math.min(image.width(), image.height());
    }

    private static int longer(RgbImage image) {
        return Math.max(image.width(), image.height());
    }
}
