package dev.ocellus.loader.image;

import com.fasterxml.jackson.databind.JsonNode;

import java.util.Optional;

/**
 * A published way from pixels to tiles. All resize bicubic unless they say otherwise; mean and
 * standard deviation come from the {@link PreprocessorConfig}.
 */
public sealed interface Pipeline {
    /**
     * InternVL-Chat 1.5 and later: {@link TileGrid} tiles of {@code tileSize} squared, then, if
     * {@code thumbnail} and there are more than one, the whole image as the last tile.
     */
    record DynamicTiles(int tileSize, int minTiles, int maxTiles, boolean thumbnail)
            implements Pipeline {}

    /** InternVL retrieval and captioning: both sides resized to {@code size}. */
    record Square(int size) implements Pipeline {}

    /** InternVL's {@code pad2square}: padded to a square with the mean colour, then resized. */
    record PadSquare(int size) implements Pipeline {}

    /** InternVL classification: shorter side to {@code size}, then the centre square. */
    record ShorterSideCrop(int size) implements Pipeline {}

    /**
     * What the image processor named by the checkpoint's configuration does.
     *
     * @param cropToPatches replaces {@link PreprocessorConfig#cropToPatches()} where present
     * @param minPatches replaces {@link PreprocessorConfig#minPatches()} where present
     * @param maxPatches replaces {@link PreprocessorConfig#maxPatches()} where present
     */
    record Processor(
            Optional<Boolean> cropToPatches,
            Optional<Integer> minPatches,
            Optional<Integer> maxPatches)
            implements Pipeline {
        /** All as configured. */
        public static final Processor AS_CONFIGURED =
                new Processor(Optional.empty(), Optional.empty(), Optional.empty());
    }

    /** LLaVA: padded to a square with the mean colour, then {@link Processor}. */
    record LlavaPad() implements Pipeline {}

    /**
     * The transforms of the original Grounding DINO code: bilinear, shorter side to {@code size},
     * less if the longer one would exceed {@code maxSize}.
     */
    record GroundingDino(int size, int maxSize) implements Pipeline {}

    /**
     * The pipeline called {@code name} in parity cases: {@code dynamic-tiles}, {@code square},
     * {@code pad-square}, {@code shorter-side-crop}, {@code processor}, {@code llava-pad} or {@code
     * grounding-dino}.
     *
     * @param options its parameters, as in a case's {@code arguments.options}; a missing one has
     *     the published default
     * @throws ImageException if the name is unknown or a parameter is of the wrong kind
     */
    static Pipeline of(String name, JsonNode options) {
        JsonFields f = new JsonFields("options of pipeline " + name, options);
        return switch (name) {
            case "dynamic-tiles" ->
                    new DynamicTiles(
                            f.side("image_size", 448),
                            f.integer("min_num", 1, TileGrid.MAX_TILES),
                            f.integer("max_num", 12, TileGrid.MAX_TILES),
                            f.bool("use_thumbnail", true));
            case "square" -> new Square(f.side("image_size", 224));
            case "pad-square" -> new PadSquare(f.side("image_size", 448));
            case "shorter-side-crop" -> new ShorterSideCrop(f.side("image_size", 224));
            case "processor" ->
                    new Processor(
                            given(f, "crop_to_patches", f.bool("crop_to_patches", false)),
                            given(
                                    f,
                                    "min_patches",
                                    f.integer("min_patches", 1, TileGrid.MAX_TILES)),
                            given(
                                    f,
                                    "max_patches",
                                    f.integer("max_patches", 12, TileGrid.MAX_TILES)));
            case "llava-pad" -> new LlavaPad();
            case "grounding-dino" ->
                    new GroundingDino(f.side("size", 800), f.side("max_size", 1333));
            default ->
                    throw new ImageException(
                            "pipeline '"
                                    + name
                                    + "' is unknown; use dynamic-tiles, square, pad-square,"
                                    + " shorter-side-crop, processor, llava-pad or"
                                    + " grounding-dino");
        };
    }

    private static <T> Optional<T> given(JsonFields fields, String key, T value) {
        return fields.has(key) ? Optional.of(value) : Optional.empty();
    }
}
