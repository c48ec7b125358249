package dev.ocellus.loader.image;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.nativelib.HugeMemory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes the {@code pixel_values} of a vision tower from images, with the arithmetic of the
 * published preprocessing: 8-bit Pillow resampling, then float32 normalisation.
 *
 * <p>Immutable and safe for any number of threads, which take turns in the pool. The images are
 * only read. The result is allocated from the caller's arena; besides it, a call needs a few
 * hundred rows of memory.
 */
public final class ImagePreprocessor {
    private final KernelProvider provider;
    private final WorkerPool pool;

    /**
     * @param pool shares the work of each call among its threads; stays the caller's
     */
    public ImagePreprocessor(KernelProvider provider, WorkerPool pool) {
        this.provider = provider;
        this.pool = pool;
    }

    /**
     * {@link #preprocess(List, Pipeline, PreprocessorConfig, Arena)} with a pipeline by its name in
     * parity cases.
     *
     * @throws ImageException also if name or options are not usable
     */
    public PixelValues preprocess(
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
    public PixelValues preprocess(
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
                Canvas resized = Transforms.resize(image, size, ResampleFilter.BICUBIC);
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

    private PixelValues write(
            List<View> views,
            List<Integer> tilesPerImage,
            Normalization normalization,
            Arena arena) {
        int width = views.stream().mapToInt(View::width).max().orElseThrow();
        int height = views.stream().mapToInt(View::height).max().orElseThrow();
        long plane = (long) width * height;
        long tileBytes = RgbImage.CHANNELS * plane * Float.BYTES;
        MemorySegment data = HugeMemory.allocate(views.size() * tileBytes, arena);
        Map<RgbImage, Map<Canvas, List<CanvasTiles.Tile>>> sources = new LinkedHashMap<>();
        for (int i = 0; i < views.size(); i++) {
            View view = views.get(i);
            MemorySegment planes = data.asSlice(i * tileBytes, tileBytes);
            if (!view.inside()) {
                fillBlack(view, planes, width, plane, normalization);
            }
            sources.computeIfAbsent(view.canvas().source(), s -> new LinkedHashMap<>())
                    .computeIfAbsent(view.canvas(), c -> new ArrayList<>())
                    .add(new CanvasTiles.Tile(view, planes.address()));
        }
        try (Arena working = Arena.ofShared()) {
            long table = normalization.table(working).address();
            CanvasTiles.Planes planes = new CanvasTiles.Planes(table, width, plane);
            List<ImageTiles> images = new ArrayList<>();
            sources.forEach(
                    (source, canvases) -> {
                        List<CanvasTiles> all = new ArrayList<>();
                        canvases.forEach(
                                (canvas, tiles) ->
                                        all.add(new CanvasTiles(canvas, tiles, planes, working)));
                        images.add(new ImageTiles(source, all));
                    });
            pool.run(new TileLaunch(images, provider));
        }
        return new PixelValues(data, height, width, tilesPerImage);
    }

    /** Fills the view's part of its planes; what lies on the canvas is written over later. */
    private static void fillBlack(
            View view, MemorySegment planes, int width, long plane, Normalization normalization) {
        for (int c = 0; c < RgbImage.CHANNELS; c++) {
            float black = normalization.value(c, 0);
            for (int y = 0; y < view.height(); y++) {
                long row = c * plane + (long) y * width;
                for (int x = 0; x < view.width(); x++) {
                    planes.setAtIndex(ValueLayout.JAVA_FLOAT, row + x, black);
                }
            }
        }
    }
}
