package dev.ocellus.loader.image;

import com.fasterxml.jackson.databind.JsonNode;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes the {@code pixel_values} of a vision tower from images, with the arithmetic of the
 * published preprocessing: 8-bit Pillow resampling, then float32 normalisation.
 *
 * <p>Stateless and safe for any number of threads. The images are only read. The result is
 * allocated from the caller's arena; besides it, a call needs heap for the resized 8-bit images.
 */
public final class ImagePreprocessor {
    private static final long ALIGNMENT = 64;

    private ImagePreprocessor() {}

    /**
     * {@link #preprocess(List, Pipeline, PreprocessorConfig, Arena)} with a pipeline by its name in
     * parity cases.
     *
     * @throws ImageException also if name or options are not usable
     */
    public static PixelValues preprocess(
            List<RgbImage> images,
            String pipeline,
            JsonNode options,
            PreprocessorConfig config,
            Arena arena) {
        return preprocess(images, Pipeline.of(pipeline, options), config, arena);
    }

    /**
     * Tiles of all {@code images}, in order.
     *
     * <p>Every tile has the same size. Grounding DINO makes planes of different sizes, which are
     * padded at the right and below with zeros to the largest.
     *
     * @param arena owns the result
     * @throws ImageException if there is no image, {@code config} names an unknown processor, an
     *     image's shape asks for too large a resize, or the planes differ in size
     */
    public static PixelValues preprocess(
            List<RgbImage> images, Pipeline pipeline, PreprocessorConfig config, Arena arena) {
        if (images.isEmpty()) {
            throw new ImageException("there is no image to preprocess; give at least one");
        }
        List<View> views = new ArrayList<>();
        List<Integer> tilesPerImage = new ArrayList<>();
        for (RgbImage image : images) {
            List<View> tiles = views(image, pipeline, config);
            views.addAll(tiles);
            tilesPerImage.add(tiles.size());
        }
        if (!padsToLargest(pipeline, config)) {
            requireEqualSizes(views);
        }
        return write(views, tilesPerImage, normalization(pipeline, config), arena);
    }

    private static boolean padsToLargest(Pipeline pipeline, PreprocessorConfig config) {
        ProcessorKind kind =
                ProcessorKind.of(config.imageProcessorType().orElse(null)).orElse(null);
        return pipeline instanceof Pipeline.GroundingDino
                || (pipeline instanceof Pipeline.Processor && kind == ProcessorKind.GROUNDING_DINO);
    }

    private static void requireEqualSizes(List<View> views) {
        View first = views.getFirst();
        for (View view : views) {
            if (view.width() != first.width() || view.height() != first.height()) {
                throw new ImageException(
                        ("the images give planes of different sizes, %dx%d and %dx%d;"
                                        + " preprocess them one by one")
                                .formatted(
                                        first.width(),
                                        first.height(),
                                        view.width(),
                                        view.height()));
            }
        }
    }

    private static Normalization normalization(Pipeline pipeline, PreprocessorConfig config) {
        return switch (pipeline) {
            case Pipeline.Processor _, Pipeline.LlavaPad _ -> Normalization.processor(config);
            case Pipeline.DynamicTiles _,
                    Pipeline.Square _,
                    Pipeline.PadSquare _,
                    Pipeline.ShorterSideCrop _,
                    Pipeline.GroundingDino _ ->
                    Normalization.torchvision(config.imageMean(), config.imageStd());
        };
    }

    private static List<View> views(RgbImage image, Pipeline pipeline, PreprocessorConfig config) {
        return switch (pipeline) {
            case Pipeline.DynamicTiles p -> {
                TargetSize.Exact tile = new TargetSize.Exact(p.tileSize(), p.tileSize());
                yield Transforms.tiles(
                        image,
                        tile,
                        p.minTiles(),
                        p.maxTiles(),
                        p.thumbnail(),
                        ResampleFilter.BICUBIC);
            }
            case Pipeline.Square p -> List.of(square(image, p.size()));
            case Pipeline.PadSquare p ->
                    List.of(square(Transforms.padToSquare(image, config.imageMean()), p.size()));
            case Pipeline.ShorterSideCrop p -> {
                TargetSize size = new TargetSize.ShortestEdge(p.size());
                RgbImage resized = Transforms.resize(image, size, ResampleFilter.BICUBIC);
                yield List.of(Transforms.centreRoundedToEven(resized, p.size()));
            }
            case Pipeline.Processor p -> Processors.views(image, overridden(config, p));
            case Pipeline.LlavaPad _ ->
                    Processors.views(Transforms.padToSquare(image, config.imageMean()), config);
            case Pipeline.GroundingDino p ->
                    List.of(
                            View.whole(
                                    Transforms.resizeWithin(
                                            image,
                                            p.size(),
                                            p.maxSize(),
                                            false,
                                            ResampleFilter.BILINEAR)));
        };
    }

    private static PreprocessorConfig overridden(
            PreprocessorConfig config, Pipeline.Processor processor) {
        return config.withPatches(
                processor.cropToPatches().orElse(config.cropToPatches()),
                processor.minPatches().orElse(config.minPatches()),
                processor.maxPatches().orElse(config.maxPatches()));
    }

    private static View square(RgbImage image, int size) {
        TargetSize target = new TargetSize.Exact(size, size);
        return View.whole(Transforms.resize(image, target, ResampleFilter.BICUBIC));
    }

    private static PixelValues write(
            List<View> views,
            List<Integer> tilesPerImage,
            Normalization normalization,
            Arena arena) {
        int width = views.stream().mapToInt(View::width).max().orElseThrow();
        int height = views.stream().mapToInt(View::height).max().orElseThrow();
        long plane = (long) width * height;
        long bytes = views.size() * RgbImage.CHANNELS * plane * Float.BYTES;
        MemorySegment data = arena.allocate(bytes, ALIGNMENT).fill((byte) 0);
        float[] row = new float[width];
        long index = 0;
        for (View view : views) {
            for (int c = 0; c < RgbImage.CHANNELS; c++, index += plane) {
                for (int y = 0; y < view.height(); y++) {
                    view.row(y, c, normalization, row);
                    long offset = (index + (long) y * width) * Float.BYTES;
                    MemorySegment.copy(row, 0, data, ValueLayout.JAVA_FLOAT, offset, view.width());
                }
            }
        }
        return new PixelValues(data, height, width, tilesPerImage);
    }
}
