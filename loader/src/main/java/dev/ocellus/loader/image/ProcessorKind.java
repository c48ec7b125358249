package dev.ocellus.loader.image;

import static dev.ocellus.loader.image.PerChannel.CLIP_MEAN;
import static dev.ocellus.loader.image.PerChannel.CLIP_STD;
import static dev.ocellus.loader.image.PerChannel.IMAGENET_MEAN;
import static dev.ocellus.loader.image.PerChannel.IMAGENET_STD;
import static dev.ocellus.loader.image.ResampleFilter.BICUBIC;
import static dev.ocellus.loader.image.ResampleFilter.BILINEAR;

import java.util.Optional;

/** The image processors that checkpoints name, with the defaults of their published classes. */
enum ProcessorKind {
    CLIP,
    GOT_OCR2,
    GROUNDING_DINO;

    private static final double TO_UNIT = 1 / 255.0;

    /** The kind a class name stands for; the "Fast" classes do what the others do. */
    static Optional<ProcessorKind> of(String className) {
        return switch (className) {
            case null -> Optional.empty();
            case "CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPFeatureExtractor" ->
                    Optional.of(CLIP);
            case "GotOcr2ImageProcessor", "GotOcr2ImageProcessorFast" -> Optional.of(GOT_OCR2);
            case "GroundingDinoImageProcessor", "GroundingDinoImageProcessorFast" ->
                    Optional.of(GROUNDING_DINO);
            default -> Optional.empty();
        };
    }

    /** The configuration of an empty file that names {@code className}, which may be null. */
    static PreprocessorConfig defaults(String source, String className) {
        TargetSize clipSize = new TargetSize.ShortestEdge(224);
        return switch (of(className).orElse(null)) {
            case null ->
                    defaults(source, className, clipSize, BICUBIC, IMAGENET_MEAN, IMAGENET_STD);
            case CLIP -> defaults(source, className, clipSize, BICUBIC, CLIP_MEAN, CLIP_STD);
            case GOT_OCR2 -> {
                TargetSize size = new TargetSize.Exact(384, 384);
                yield defaults(source, className, size, BICUBIC, CLIP_MEAN, CLIP_STD);
            }
            case GROUNDING_DINO -> {
                TargetSize size = new TargetSize.Edges(800, 1333);
                yield defaults(source, className, size, BILINEAR, IMAGENET_MEAN, IMAGENET_STD);
            }
        };
    }

    private static PreprocessorConfig defaults(
            String source,
            String className,
            TargetSize size,
            ResampleFilter resample,
            PerChannel mean,
            PerChannel std) {
        return new PreprocessorConfig(
                source,
                Optional.ofNullable(className),
                true,
                size,
                resample,
                true,
                new TargetSize.Exact(224, 224),
                true,
                TO_UNIT,
                true,
                mean,
                std,
                false,
                1,
                12);
    }
}
