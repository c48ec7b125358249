package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

class PreprocessorConfigTest {
    @Test
    void missingKeysHaveTheDefaultsOfTheNamedClass() throws IOException {
        PreprocessorConfig clip = config("{'image_processor_type': 'CLIPImageProcessor'}");
        assertThat(clip.size()).isEqualTo(new TargetSize.ShortestEdge(224));
        assertThat(clip.cropSize()).isEqualTo(new TargetSize.Exact(224, 224));
        assertThat(clip.resample()).isEqualTo(ResampleFilter.BICUBIC);
        assertThat(clip.imageMean()).isEqualTo(PerChannel.CLIP_MEAN);
        assertThat(clip.rescaleFactor()).isEqualTo(1 / 255.0);

        PreprocessorConfig got = config("{'image_processor_type': 'GotOcr2ImageProcessorFast'}");
        assertThat(got.size()).isEqualTo(new TargetSize.Exact(384, 384));
        assertThat(got.cropToPatches()).isFalse();
        assertThat(got.maxPatches()).isEqualTo(12);

        PreprocessorConfig dino = config("{'image_processor_type': 'GroundingDinoImageProcessor'}");
        assertThat(dino.size()).isEqualTo(new TargetSize.Edges(800, 1333));
        assertThat(dino.resample()).isEqualTo(ResampleFilter.BILINEAR);
        assertThat(dino.imageStd()).isEqualTo(PerChannel.IMAGENET_STD);
    }

    @Test
    void withoutAClassMeanAndDeviationAreImageNets() throws IOException {
        assertThat(config("{}").imageMean()).isEqualTo(PerChannel.IMAGENET_MEAN);
        assertThat(PreprocessorConfig.imageNet().imageStd()).isEqualTo(PerChannel.IMAGENET_STD);
    }

    @Test
    void sizesMayBeNumbers() throws IOException {
        PreprocessorConfig old =
                config(
                        "{'feature_extractor_type': 'CLIPFeatureExtractor', 'size': 448,"
                                + " 'crop_size': 336}");
        assertThat(old.imageProcessorType()).contains("CLIPFeatureExtractor");
        assertThat(old.size()).isEqualTo(new TargetSize.ShortestEdge(448));
        assertThat(old.cropSize()).isEqualTo(new TargetSize.Exact(336, 336));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{'size': -3}; 'size' must be a whole number in 1..16384, not -3",
                "{'size': 'big'}; 'size' must be a number or an object",
                "{'size': {'width': 3}}; 'size' must be a number or an object",
                "{'size': {'height': 3, 'width': 1e9}}; 'width' must be a whole number",
                "{'crop_size': {'shortest_edge': 3}}; 'crop_size' must be a number or an object",
                "{'image_mean': [1, 2]}; 'image_mean' must be a list of three numbers, not [1,2]",
                "{'image_std': [1, 0, 1]}; 'image_std' must be without zeros",
                "{'do_resize': 1}; 'do_resize' must be true or false, not 1",
                "{'resample': 0}; 'resample' must be a whole number in 1..5, not 0",
                "{'resample': 5}; resample 5 is not supported",
                "{'rescale_factor': '1'}; 'rescale_factor' must be a number",
                "{'image_processor_type': 7}; 'image_processor_type' must be a string",
                "[1]; a JSON object is expected"
            })
    void badValuesAreNamed(String json, String message) {
        assertThatThrownBy(() -> config(json))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining(message);
    }

    @Test
    void fileProblemsAreNamed(@TempDir Path folder) throws IOException {
        assertThatThrownBy(() -> PreprocessorConfig.load(folder))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("preprocessor_config.json does not exist");
        Path file = Files.writeString(folder.resolve(PreprocessorConfig.FILE_NAME), "{\"size\": ");
        assertThatThrownBy(() -> PreprocessorConfig.load(folder))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("preprocessor_config.json is not valid JSON");
        Files.writeString(file, "");
        assertThatThrownBy(() -> PreprocessorConfig.load(folder))
                .isInstanceOf(ImageException.class);
    }

    static PreprocessorConfig config(String json) throws JsonProcessingException {
        return PreprocessorConfig.of(
                "test.json", new ObjectMapper().readTree(json.replace('\'', '"')));
    }
}
