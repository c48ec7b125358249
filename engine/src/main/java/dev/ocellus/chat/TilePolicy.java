package dev.ocellus.chat;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.loader.image.Pipeline;
import dev.ocellus.loader.image.PreprocessorConfig;
import dev.ocellus.loader.image.TargetSize;
import dev.ocellus.loader.image.TileGrid;
import dev.ocellus.model.InternVlConfig;

import java.nio.file.Files;
import java.util.Optional;

/**
 * How an InternVL checkpoint cuts images into tiles.
 *
 * @param height of a tile in pixels, likewise the width
 */
public record TilePolicy(
        Pipeline pipeline,
        PreprocessorConfig config,
        int minTiles,
        int maxTiles,
        boolean thumbnail,
        int height,
        int width,
        long tokensPerTile) {

    /** ImageNet's mean and standard deviation, for folders without a preprocessor config. */
    private static final String IMAGENET =
            "{\"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225], \"size\": %d, \"crop_size\": %d}";

    /**
     * @param maxTiles replaces the checkpoint's own limit; 0 keeps it
     */
    public static TilePolicy of(Checkpoint checkpoint, InternVlConfig model, int maxTiles) {
        PreprocessorConfig config =
                Files.isRegularFile(checkpoint.folder().resolve(PreprocessorConfig.FILE_NAME))
                        ? PreprocessorConfig.load(checkpoint.folder())
                        : PreprocessorConfig.of(
                                "defaults",
                                JsonFile.parse(
                                        "defaults",
                                        IMAGENET.formatted(model.imageSize(), model.imageSize())));
        return model.transformersLayout()
                ? processor(config, model, maxTiles)
                : original(config, model, maxTiles);
    }

    private static TilePolicy original(
            PreprocessorConfig config, InternVlConfig model, int maxTiles) {
        int size = model.imageSize();
        long tokens = model.tokensPerTile(size, size);
        if (model.dynamicImageSize()) {
            int max = maxTiles > 0 ? maxTiles : model.maxDynamicPatch();
            int min = Math.min(model.minDynamicPatch(), max);
            boolean thumbnail = model.useThumbnail();
            return new TilePolicy(
                    new Pipeline.DynamicTiles(size, min, max, thumbnail),
                    config,
                    min,
                    max,
                    thumbnail,
                    size,
                    size,
                    tokens);
        }
        Pipeline single =
                model.pad2square()
                        ? new Pipeline.PadSquare(size)
                        : config.imageProcessorType().isPresent()
                                ? Pipeline.Processor.AS_CONFIGURED
                                : new Pipeline.Square(size);
        return new TilePolicy(single, config, 1, 1, false, size, size, tokens);
    }

    /**
     * The published processor cuts into tiles whatever its file says; the file gives sizes and
     * limits.
     */
    private static TilePolicy processor(
            PreprocessorConfig config, InternVlConfig model, int maxTiles) {
        int max = maxTiles > 0 ? maxTiles : config.maxPatches();
        int min = Math.min(config.minPatches(), max);
        Pipeline pipeline =
                new Pipeline.Processor(Optional.of(true), Optional.of(min), Optional.of(max));
        int height = model.imageSize();
        int width = model.imageSize();
        if (config.size() instanceof TargetSize.Exact e) {
            height = e.height();
            width = e.width();
        }
        return new TilePolicy(
                pipeline,
                config,
                min,
                max,
                true,
                height,
                width,
                model.tokensPerTile(height, width));
    }

    /** Tiles that an image of this size becomes. */
    public int tiles(int imageWidth, int imageHeight) {
        return maxTiles == 1
                ? 1
                : TileGrid.choose(imageWidth, imageHeight, minTiles, maxTiles, width, height)
                        .tiles(thumbnail);
    }
}
