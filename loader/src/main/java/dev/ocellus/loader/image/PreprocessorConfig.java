package dev.ocellus.loader.image;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A checkpoint's {@code preprocessor_config.json}. The components are its keys; a missing key has
 * the default of the image processor that the file names. A file that names none, as those of the
 * original InternVL checkpoints may, has CLIP's sizes and ImageNet's mean and deviation.
 *
 * @param source the file, for messages
 * @param imageProcessorType {@code image_processor_type}, or the older {@code
 *     feature_extractor_type}; empty if the file has neither
 * @param doResize whether the processor resizes to {@code size}
 * @param size what images are resized to
 * @param resample the kernel of the resize
 * @param doCenterCrop whether CLIP processors crop; others never do
 * @param cropSize what CLIP processors crop to
 * @param doRescale whether samples are multiplied by {@code rescaleFactor}
 * @param rescaleFactor usually 1 / 255
 * @param doNormalize whether mean and deviation are applied
 * @param imageMean subtracted from scaled samples
 * @param imageStd what the differences are divided by; no zeros
 * @param cropToPatches whether GOT-OCR2 processors cut images into tiles
 * @param minPatches fewest tiles of an image
 * @param maxPatches most tiles of an image, thumbnail not counted
 */
public record PreprocessorConfig(
        String source,
        Optional<String> imageProcessorType,
        boolean doResize,
        TargetSize size,
        ResampleFilter resample,
        boolean doCenterCrop,
        TargetSize.Exact cropSize,
        boolean doRescale,
        double rescaleFactor,
        boolean doNormalize,
        PerChannel imageMean,
        PerChannel imageStd,
        boolean cropToPatches,
        int minPatches,
        int maxPatches) {
    /** The file's name in a checkpoint folder. */
    public static final String FILE_NAME = "preprocessor_config.json";

    private static final long MAX_FILE_BYTES = 1 << 20;

    /**
     * Reads {@value #FILE_NAME} in {@code folder}.
     *
     * @throws ImageException if the file is missing, is not JSON or has a value of the wrong kind
     */
    public static PreprocessorConfig load(Path folder) {
        Path file = folder.resolve(FILE_NAME);
        try {
            if (!Files.isRegularFile(file)) {
                throw new ImageException(
                        file + " does not exist; it belongs to every published checkpoint");
            }
            if (Files.size(file) > MAX_FILE_BYTES) {
                throw new ImageException(file + " is larger than 1 MiB, so it is something else");
            }
            return of(file.toString(), new ObjectMapper().readTree(Files.readAllBytes(file)));
        } catch (JacksonException e) {
            throw new ImageException(file + " is not valid JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new ImageException("cannot read " + file + ": " + e, e);
        }
    }

    /**
     * The configuration in {@code json}.
     *
     * @param source what messages call it
     * @throws ImageException if a value is of the wrong kind
     */
    public static PreprocessorConfig of(String source, JsonNode json) {
        JsonFields f = new JsonFields(source, json);
        String type = f.text("image_processor_type", f.text("feature_extractor_type", null));
        PreprocessorConfig d = ProcessorKind.defaults(source, type);
        PreprocessorConfig config =
                new PreprocessorConfig(
                        source,
                        d.imageProcessorType,
                        f.bool("do_resize", d.doResize),
                        TargetSize.read(f, "size", d.size, d.size instanceof TargetSize.Exact),
                        ResampleFilter.of(f.integer("resample", d.resample.id(), 5)),
                        f.bool("do_center_crop", d.doCenterCrop),
                        cropSize(f, d.cropSize),
                        f.bool("do_rescale", d.doRescale),
                        f.number("rescale_factor", d.rescaleFactor),
                        f.bool("do_normalize", d.doNormalize),
                        f.perChannel("image_mean", d.imageMean),
                        f.perChannel("image_std", d.imageStd),
                        f.bool("crop_to_patches", d.cropToPatches),
                        f.integer("min_patches", d.minPatches, TileGrid.MAX_TILES),
                        f.integer("max_patches", d.maxPatches, TileGrid.MAX_TILES));
        for (int c = 0; c < 3; c++) {
            if (config.imageStd.at(c) == 0) {
                throw f.bad("image_std", "without zeros");
            }
        }
        return config;
    }

    /** What a checkpoint without the file gets: all defaults, so ImageNet's mean and deviation. */
    public static PreprocessorConfig imageNet() {
        return ProcessorKind.defaults("the default preprocessing", null);
    }

    private static TargetSize.Exact cropSize(JsonFields fields, TargetSize.Exact missing) {
        if (TargetSize.read(fields, "crop_size", missing, true) instanceof TargetSize.Exact size) {
            return size;
        }
        throw fields.bad("crop_size", "a number or an object with 'height' and 'width'");
    }

    /** This configuration with other tiling, as a caller of the processor may ask for. */
    PreprocessorConfig withPatches(boolean cropToPatches, int minPatches, int maxPatches) {
        return new PreprocessorConfig(
                source,
                imageProcessorType,
                doResize,
                size,
                resample,
                doCenterCrop,
                cropSize,
                doRescale,
                rescaleFactor,
                doNormalize,
                imageMean,
                imageStd,
                cropToPatches,
                minPatches,
                maxPatches);
    }
}
