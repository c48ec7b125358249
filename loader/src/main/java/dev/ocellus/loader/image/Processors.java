package dev.ocellus.loader.image;

import java.util.List;

/** The geometry of the image processors that checkpoints name. */
final class Processors {
    private Processors() {}

    static List<View> views(RgbImage image, PreprocessorConfig config) {
        ProcessorKind kind =
                ProcessorKind.of(config.imageProcessorType().orElse(null))
                        .orElseThrow(() -> unknown(config));
        return switch (kind) {
            case CLIP -> {
                Canvas resized = resized(image, config);
                yield List.of(
                        config.doCenterCrop()
                                ? Transforms.centreRoundedDown(resized, config.cropSize())
                                : View.whole(resized));
            }
            case GOT_OCR2 -> gotOcr2(image, config);
            case GROUNDING_DINO -> List.of(View.whole(resized(image, config)));
        };
    }

    private static List<View> gotOcr2(RgbImage image, PreprocessorConfig config) {
        if (!config.cropToPatches() || config.maxPatches() == 1) {
            return List.of(View.whole(resized(image, config)));
        }
        if (config.size() instanceof TargetSize.Exact tile) {
            return Transforms.tiles(
                    image, tile, config.minPatches(), config.maxPatches(), true, config.resample());
        }
        throw new ImageException(
                config.source() + ": 'size' must have 'height' and 'width' to cut patches");
    }

    private static Canvas resized(RgbImage image, PreprocessorConfig config) {
        return config.doResize()
                ? Transforms.resize(image, config.size(), config.resample())
                : Canvas.of(image);
    }

    private static ImageException unknown(PreprocessorConfig config) {
        return new ImageException(
                config.source()
                        + ": image_processor_type "
                        + config.imageProcessorType().map(t -> "'" + t + "'").orElse("(missing)")
                        + " is not supported; known are CLIPImageProcessor, GotOcr2ImageProcessor"
                        + " and GroundingDinoImageProcessor");
    }
}
