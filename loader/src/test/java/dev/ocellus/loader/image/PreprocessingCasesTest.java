package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Every image preprocessing case, to the last bit. */
class PreprocessingCasesTest {
    private final ImageDecoder decoder = new ImageDecoder();
    private final ImagePreprocessor preprocessor =
            new ImagePreprocessor(KernelProviders.get(), new WorkerPool(2));

    @Test
    void casesArePresent() throws IOException {
        assumeTrue(!Cases.preprocessing().isEmpty(), "parity cases are not there");
        assertThat(Cases.preprocessing())
                .contains("ivl-tiles-4x3", "ivl-clip-crop", "ivl-mode-jpeg-cmyk");
    }

    @TestFactory
    List<DynamicTest> cases() throws IOException {
        return Cases.preprocessing().stream()
                .map(name -> DynamicTest.dynamicTest(name, () -> matches(name)))
                .toList();
    }

    private void matches(String name) throws IOException {
        Path folder = Cases.folder(name);
        JsonNode json = Cases.JSON.readTree(folder.resolve("case.json").toFile());
        List<RgbImage> images = new ArrayList<>();
        for (JsonNode file : json.at("/arguments/images")) {
            images.add(decoder.decode(folder.resolve(file.asText())).pixels());
        }
        PreprocessorConfig config =
                PreprocessorConfig.load(folder.resolve(json.path("model").asText("model")));
        JsonNode options = json.at("/arguments/options");
        Cases.Tensors expected = Cases.Tensors.read(folder.resolve("expected.safetensors"));
        try (Arena arena = Arena.ofConfined()) {
            PixelValues got =
                    preprocessor.preprocess(
                            images, options.path("pipeline").asText(), options, config, arena);
            assertThat(got.shape().toArray()).isEqualTo(expected.shape("pixel_values"));
            assertThat(got.tilesPerImage().stream().mapToLong(Integer::longValue).toArray())
                    .isEqualTo(expected.longs("num_tiles"));
            float[] pixels = got.data().toArray(ValueLayout.JAVA_FLOAT);
            assertThat(Arrays.mismatch(pixels, expected.floats("pixel_values"))).isEqualTo(-1);
        }
    }
}
