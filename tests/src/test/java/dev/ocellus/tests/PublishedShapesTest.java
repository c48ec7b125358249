package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.Capability;
import dev.ocellus.ModelInfo;
import dev.ocellus.loader.random.ModelPresets;
import dev.ocellus.loader.random.RandomCheckpoint;

import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;

/**
 * Every published dense InternVL chat model can be asked about and planned in both layouts, from
 * files that hold names and shapes only.
 */
class PublishedShapesTest {
    @TempDir private Path folder;

    /** Names, and parameters in billions as published. */
    @ParameterizedTest
    @CsvSource({
        "internvl-chat-v1-1, 19.1",
        "internvl-chat-v1-2, 40.1",
        "mini-internvl-chat-2b-v1-5, 2.21",
        "mini-internvl-chat-4b-v1-5, 4.15",
        "internvl-chat-v1-5, 25.5",
        "internvl2-1b, 0.94",
        "internvl2-2b, 2.21",
        "internvl2-4b, 4.15",
        "internvl2-8b, 8.08",
        "internvl2-26b, 25.5",
        "internvl2-40b, 40.1",
        "internvl2-llama3-76b, 76.3",
        "internvl2_5-1b, 0.94",
        "internvl2_5-2b, 2.21",
        "internvl2_5-4b, 3.71",
        "internvl2_5-8b, 8.08",
        "internvl2_5-26b, 25.5",
        "internvl2_5-38b, 38.4",
        "internvl2_5-78b, 78.4",
        "internvl3-1b, 0.94",
        "internvl3-2b, 2.09",
        "internvl3-8b, 7.94",
        "internvl3-9b, 9.14",
        "internvl3-14b, 15.1",
        "internvl3-38b, 38.4",
        "internvl3-78b, 78.4",
        "internvl3_5-1b, 1.06",
        "internvl3_5-2b, 2.35",
        "internvl3_5-4b, 4.73",
        "internvl3_5-8b, 8.53",
        "internvl3_5-14b, 15.1",
        "internvl3_5-38b, 38.4"
    })
    void canBePlanned(String name, double billions) {
        ModelInfo original = info(name);
        ModelInfo transformers = info(name + "-hf");

        assertThat(original.parameters() * 1e-9).isCloseTo(billions, Percentage.withPercentage(1));
        assertThat(transformers.parameters()).isEqualTo(original.parameters());
        for (ModelInfo info : new ModelInfo[] {original, transformers}) {
            ModelInfo.Memory m = info.memory();
            assertThat(info.capabilities()).containsExactlyInAnyOrder(Capability.values());
            // Packed weights are the stored ones, but for vectors in float32 and padded panels.
            assertThat((double) m.weights())
                    .isCloseTo(info.fileBytes(), Percentage.withPercentage(1));
            assertThat(m.cacheForContext()).isEqualTo(m.cachePerToken() * info.contextTokens());
            assertThat(m.visionWorkspace()).isPositive();
            assertThat(m.promptWorkspace()).isGreaterThan(m.decodeWorkspace());
        }
    }

    private ModelInfo info(String name) {
        Path model = folder.resolve(name);
        RandomCheckpoint.write(
                model,
                ModelPresets.config(name),
                RandomCheckpoint.Options.DEFAULT.withSparse(true));
        return ModelInfo.of(model);
    }
}
