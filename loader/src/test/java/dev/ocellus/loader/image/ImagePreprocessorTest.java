package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;

import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

class ImagePreprocessorTest {
    private static final ImagePreprocessor PREPROCESSOR =
            new ImagePreprocessor(KernelProviders.get(), new WorkerPool(2));

    private static final String PLAIN =
            "{'image_processor_type': 'CLIPImageProcessor', 'image_mean': [0, 0, 0], 'image_std':"
                    + " [1, 1, 1], 'rescale_factor': 1, 'size': 4, 'crop_size': 4";

    @Test
    void tilesAreRowsFromTheTopLeftThenTheThumbnail() throws IOException {
        // 4x2 pixels in tiles of 2: the left half has red 10, the right half red 20.
        byte[] pixels = new byte[4 * 2 * 3];
        for (int i = 0; i < 8; i++) {
            pixels[i * 3] = (byte) (i % 4 < 2 ? 10 : 20);
        }
        PixelValues values =
                run(
                        new RgbImage(4, 2, pixels),
                        new Pipeline.DynamicTiles(2, 1, 2, true),
                        PreprocessorConfigTest.config(PLAIN + "}"));
        assertThat(values.shape().toArray()).containsExactly(3, 3, 2, 2);
        assertThat(values.tilesPerImage()).containsExactly(3);
        assertThat(at(values, 0, 0, 0, 0)).isEqualTo(10 / 255f);
        assertThat(at(values, 1, 0, 1, 1)).isEqualTo(20 / 255f);
        assertThat(at(values, 1, 1, 1, 1)).isZero();
        assertThat(at(values, 2, 0, 0, 0)).isBetween(8 / 255f, 12 / 255f);
        assertThat(at(values, 2, 0, 0, 1)).isBetween(18 / 255f, 22 / 255f);
    }

    @Test
    void cropsLargerThanTheImageAreFilledWithBlackBeforeNormalising() throws IOException {
        byte[] pixels = new byte[2 * 2 * 3];
        Arrays.fill(pixels, (byte) 9);
        PreprocessorConfig config =
                PreprocessorConfigTest.config(
                        "{'image_processor_type': 'CLIPImageProcessor', 'image_mean': [1, 1, 1],"
                                + " 'image_std': [2, 2, 2], 'do_rescale': false, 'do_resize':"
                                + " false, 'crop_size': 5}");
        PixelValues values =
                run(new RgbImage(2, 2, pixels), Pipeline.Processor.AS_CONFIGURED, config);
        assertThat(values.shape().toArray()).containsExactly(1, 3, 5, 5);
        assertThat(at(values, 0, 0, 1, 2)).isEqualTo(-0.5f);
        assertThat(at(values, 0, 0, 2, 2)).isEqualTo(4f);
        assertThat(at(values, 0, 2, 3, 3)).isEqualTo(4f);
        assertThat(at(values, 0, 2, 4, 4)).isEqualTo(-0.5f);
    }

    @Test
    void patchOptionsReplaceTheConfiguration() throws IOException {
        PreprocessorConfig config =
                PreprocessorConfigTest.config(
                        "{'image_processor_type': 'GotOcr2ImageProcessor', 'size': {'height': 2,"
                                + " 'width': 3}, 'max_patches': 9}");
        RgbImage image = new RgbImage(30, 10, new byte[900]);
        assertThat(tiles(image, "{}", config)).isEqualTo(1);
        assertThat(tiles(image, "{'crop_to_patches': true}", config)).isEqualTo(4);
        assertThat(tiles(image, "{'crop_to_patches': true, 'max_patches': 2}", config))
                .isEqualTo(3);
        assertThat(tiles(image, "{'crop_to_patches': true, 'max_patches': 1}", config))
                .isEqualTo(1);
    }

    @Test
    void planesOfDifferentSizesArePaddedWithZerosForGroundingDinoOnly() throws IOException {
        List<RgbImage> images =
                List.of(new RgbImage(8, 4, new byte[96]), new RgbImage(4, 4, new byte[48]));
        PreprocessorConfig dino =
                PreprocessorConfigTest.config(
                        "{'image_processor_type': 'GroundingDinoImageProcessor', 'size':"
                                + " {'shortest_edge': 4, 'longest_edge': 40}}");
        PixelValues values =
                PREPROCESSOR.preprocess(
                        images, Pipeline.Processor.AS_CONFIGURED, dino, Arena.ofAuto());
        assertThat(values.shape().toArray()).containsExactly(2, 3, 4, 8);
        assertThat(at(values, 1, 0, 0, 3)).isCloseTo(-2.118f, within(1e-3f));
        assertThat(at(values, 1, 0, 0, 4)).isZero();

        PreprocessorConfig clip =
                PreprocessorConfigTest.config(PLAIN + ", 'do_center_crop': false}");
        assertThatThrownBy(
                        () ->
                                PREPROCESSOR.preprocess(
                                        images,
                                        Pipeline.Processor.AS_CONFIGURED,
                                        clip,
                                        Arena.ofAuto()))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("different sizes");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "resize; {}; pipeline 'resize' is unknown",
                "square; {'image_size': 0}; 'image_size' must be a whole number in 1..16384",
                "square; {'image_size': 2.5}; 'image_size' must be a whole number in 1..16384",
                "dynamic-tiles; {'max_num': 99999}; 'max_num' must be a whole number in 1..1024",
                "dynamic-tiles; {'min_num': 5, 'max_num': 4}; tile limits 5..4 are not usable",
                "dynamic-tiles; {'image_size': 16000, 'min_num': 9}; would be resized",
                "dynamic-tiles; {'use_thumbnail': 'yes'}; 'use_thumbnail' must be true or false",
                "shorter-side-crop; {'image_size': 448}; would be resized to 448x44800000",
                "pad-square; {'image_size': 448}; would be padded to a square of 100000",
                "grounding-dino; {'size': 800, 'max_size': 1333}; would be resized to 0x",
                "square; []; a JSON object is expected"
            })
    void badOptionsAndExtremeShapesAreNamed(String pipeline, String options, String message)
            throws IOException {
        PreprocessorConfig config = PreprocessorConfigTest.config("{}");
        RgbImage image = new RgbImage(1, 100_000, new byte[300_000]);
        var json = new ObjectMapper().readTree(options.replace('\'', '"'));
        assertThatThrownBy(
                        () ->
                                PREPROCESSOR.preprocess(
                                        List.of(image), pipeline, json, config, Arena.ofAuto()))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining(message);
    }

    @Test
    void unknownProcessorsAreRefusedWhenTheyAreNeeded() throws IOException {
        PreprocessorConfig config =
                PreprocessorConfigTest.config("{'image_processor_type': 'ViTImageProcessor'}");
        RgbImage image = new RgbImage(1, 1, new byte[3]);
        assertThat(run(image, new Pipeline.Square(2), config).tiles()).isEqualTo(1);
        assertThatThrownBy(() -> run(image, Pipeline.Processor.AS_CONFIGURED, config))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("test.json: image_processor_type 'ViTImageProcessor'");
        assertThatThrownBy(
                        () ->
                                PREPROCESSOR.preprocess(
                                        List.of(), new Pipeline.Square(2), config, Arena.ofAuto()))
                .isInstanceOf(ImageException.class);
    }

    private static int tiles(RgbImage image, String options, PreprocessorConfig config)
            throws IOException {
        return PREPROCESSOR
                .preprocess(
                        List.of(image),
                        "processor",
                        new ObjectMapper().readTree(options.replace('\'', '"')),
                        config,
                        Arena.ofAuto())
                .tiles();
    }

    private static PixelValues run(RgbImage image, Pipeline pipeline, PreprocessorConfig config) {
        return PREPROCESSOR.preprocess(List.of(image), pipeline, config, Arena.ofAuto());
    }

    private static float at(PixelValues values, int tile, int channel, int y, int x) {
        long index = ((tile * 3L + channel) * values.height() + y) * values.width() + x;
        return values.data().getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }
}
