package dev.ocellus.loader.image;

/**
 * How an image is cut into square tiles: {@code columns} x {@code rows}, row by row from the top
 * left.
 *
 * @param columns tiles side by side, at least 1
 * @param rows tiles on top of each other, at least 1
 */
public record TileGrid(int columns, int rows) {
    /**
     * The grid of InternVL's dynamic tiling for an image of {@code width} x {@code height} pixels:
     * of all grids with {@code minTiles} to {@code maxTiles} tiles, by ascending number of tiles,
     * the one whose aspect ratio is nearest the image's. On an exact tie the later grid is taken if
     * the image has more than half the area of that grid's tiles.
     *
     * <p>Depends on nothing but its arguments: prompts ask for the number of tiles before any pixel
     * is decoded. (The reference leaves the order of grids with equally many tiles to a hash set;
     * from {@code minTiles} 1 it never matters. Here it is by ascending columns.)
     *
     * @param tileWidth width of one tile in pixels
     * @param tileHeight height of one tile in pixels
     * @throws ImageException unless {@code 1 <= minTiles <= maxTiles <= 1024} and all sizes are
     *     positive
     */
    public static TileGrid choose(
            int width, int height, int minTiles, int maxTiles, int tileWidth, int tileHeight) {
        if (minTiles < 1 || maxTiles < minTiles || maxTiles > MAX_TILES) {
            throw new ImageException(
                    "tile limits %d..%d are not usable; give 1 <= min <= max <= %d"
                            .formatted(minTiles, maxTiles, MAX_TILES));
        }
        if (width < 1 || height < 1 || tileWidth < 1 || tileHeight < 1) {
            throw new ImageException(
                    "cannot cut a %dx%d image into %dx%d tiles; all sizes must be positive"
                            .formatted(width, height, tileWidth, tileHeight));
        }
        double aspect = (double) width / height;
        double area = (double) width * height;
        TileGrid best = null;
        double bestDifference = Double.POSITIVE_INFINITY;
        for (int tiles = minTiles; tiles <= maxTiles; tiles++) {
            for (int columns = 1; columns <= tiles; columns++) {
                if (tiles % columns != 0) {
                    continue;
                }
                int rows = tiles / columns;
                double difference = Math.abs(aspect - (double) columns / rows);
                boolean nearer = difference < bestDifference;
                boolean larger =
                        difference == bestDifference && area > 0.5 * tileWidth * tileHeight * tiles;
                if (nearer || larger) {
                    best = new TileGrid(columns, rows);
                    bestDifference = difference;
                }
            }
        }
        return best;
    }

    /** {@link #choose(int, int, int, int, int, int)} for square tiles. */
    public static TileGrid choose(int width, int height, int minTiles, int maxTiles, int tileSize) {
        return choose(width, height, minTiles, maxTiles, tileSize, tileSize);
    }

    /** Most tiles one image may be cut into; published checkpoints use up to 40. */
    public static final int MAX_TILES = 1024;

    /** Tiles of the grid, and one more for the thumbnail if asked for and not the only tile. */
    public int tiles(boolean thumbnail) {
        int tiles = columns * rows;
        return thumbnail && tiles > 1 ? tiles + 1 : tiles;
    }
}
