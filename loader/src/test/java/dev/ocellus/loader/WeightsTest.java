package dev.ocellus.loader;

import static dev.ocellus.loader.safetensors.RawFiles.counting;
import static dev.ocellus.loader.safetensors.RawFiles.entry;
import static dev.ocellus.loader.safetensors.RawFiles.header;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.loader.safetensors.RawFiles;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;

class WeightsTest {
    @TempDir Path folder;
    private Checkpoint checkpoint;
    private Weights weights;

    @BeforeEach
    void open() {
        RawFiles.write(
                folder.resolve("model.safetensors"),
                header(
                        entry("model.layers.1.mlp.up_proj.weight", "U8", "[2,3]", 0, 6),
                        entry("model.layers.10.mlp.up_proj.weight", "U8", "[3,2]", 6, 12),
                        entry("model.norm.weight", "U8", "[4]", 12, 16),
                        entry("logit_scale", "U8", "[]", 16, 17)),
                counting(17));
        checkpoint = Checkpoint.open(folder);
        weights = checkpoint.weights();
    }

    @AfterEach
    void close() {
        checkpoint.close();
    }

    @Test
    void scopesFollowTheModuleTree() {
        Weights layer = weights.in("model.layers.1");
        assertThat(layer.names()).containsExactly("mlp.up_proj.weight");
        assertThat(layer.in("mlp").get("up_proj.weight", 2, 3).name())
                .isEqualTo("model.layers.1.mlp.up_proj.weight");
        assertThat(layer.has("mlp.up_proj.weight")).isTrue();
        assertThat(layer.has("mlp.up_proj.bias")).isFalse();
        assertThat(weights.in("model.layers.2").isEmpty()).isTrue();
        assertThat(weights.in("model.layers").isEmpty()).isFalse();
        assertThat(weights.in("zzz").isEmpty()).isTrue();
        assertThat(weights.names()).hasSize(4);
    }

    @Test
    void scalarShapeIsTheEmptyOne() {
        assertThat(weights.get("logit_scale", new long[0]).elements()).isEqualTo(1);
        assertThatThrownBy(() -> weights.get("model.norm.weight", new long[0]))
                .isInstanceOf(CheckpointException.class);
    }

    @Test
    void wrongShapeNamesTensorFileAndBothShapes() {
        assertThatThrownBy(() -> weights.in("model").get("norm.weight", 5))
                .isInstanceOf(CheckpointException.class)
                .hasMessage(
                        folder.resolve("model.safetensors")
                                + ": tensor 'model.norm.weight' has shape [4], expected [5]");
    }

    @Test
    void missingTensorListsNearNames() {
        assertThatThrownBy(() -> weights.in("model.layers.1.mlp").get("up_prj.weight"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith(
                        folder + ": there is no tensor 'model.layers.1.mlp.up_prj.weight'")
                .hasMessageContaining("near names are 'model.layers.1.mlp.up_proj.weight'");
        assertThatThrownBy(() -> weights.get("x")).hasMessage(folder + ": there is no tensor 'x'");
    }

    @Test
    void firstOfTakesWhatIsThere() {
        assertThat(weights.in("model").firstOf("final_norm.weight", "norm.weight").name())
                .isEqualTo("model.norm.weight");
        assertThatThrownBy(() -> weights.in("model").firstOf("a.weight", "b.weight"))
                .hasMessageContaining("no tensor 'model.a.weight' or 'model.b.weight'");
    }
}
