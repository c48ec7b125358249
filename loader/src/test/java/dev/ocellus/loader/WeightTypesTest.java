package dev.ocellus.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.loader.safetensors.SafetensorsFile;
import dev.ocellus.loader.safetensors.SafetensorsWriter;
import dev.ocellus.loader.safetensors.TensorSource;
import dev.ocellus.loader.safetensors.TensorSpec;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

class WeightTypesTest {
    @TempDir private Path folder;

    private Optional<DType> typeOf(WeightTypes types, String name, DType stored, long... shape) {
        Path file = folder.resolve("model.safetensors");
        TensorSpec spec = new TensorSpec(name, stored, Shape.of(shape));
        SafetensorsWriter.write(file, java.util.Map.of(), List.of(spec), TensorSource.ZEROS);
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return types.typeOf(f.tensors().getFirst());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "model.layers.0.self_attn.q_proj.weight, Q4",
        "language_model.model.layers.11.feed_forward.w1.weight, Q4",
        "language_model.model.tok_embeddings.weight, Q8",
        "model.language_model.embed_tokens.weight, Q8",
        "language_model.output.weight, Q8",
        "lm_head.weight, Q8",
        "vision_model.encoder.layers.3.attn.qkv.weight, F16",
        "model.vision_tower.encoder.layer.3.mlp.fc1.weight, F16",
        "encoder.layers.3.mlp.fc1.weight, F16",
        "mlp1.1.weight, F16",
        "model.multi_modal_projector.linear_1.weight, F16"
    })
    void usualChoicesForQ4(String name, DType wanted) {
        assertThat(typeOf(WeightTypes.of(DType.Q4), name, DType.F16, 4, 4)).contains(wanted);
        DType block = wanted.isBlock() ? DType.Q8 : wanted;
        assertThat(typeOf(WeightTypes.of(DType.Q8), name, DType.F16, 4, 4)).contains(block);
        DType f8 = wanted.isBlock() ? DType.F8 : wanted;
        assertThat(typeOf(WeightTypes.of(DType.F8), name, DType.F16, 4, 4)).contains(f8);
        assertThat(typeOf(WeightTypes.of(DType.BF16), name, DType.F16, 4, 4)).contains(DType.BF16);
    }

    @Test
    void onlyMatricesOfNumbersAreChosen() {
        WeightTypes all = WeightTypes.of(DType.Q8);

        assertThat(typeOf(all, "norm.weight", DType.F32, 16)).isEmpty();
        assertThat(typeOf(all, "patch.weight", DType.F32, 16, 3, 2, 2)).isEmpty();
        assertThat(typeOf(all, "ids", DType.I64, 4, 4)).isEmpty();
        assertThat(typeOf(all, "empty", DType.F32, 0, 4)).isEmpty();
        assertThat(typeOf(all, "position_embedding.weight", DType.F32, 4, 4)).isEmpty();
        assertThat(typeOf(WeightTypes.STORED, "w", DType.F32, 4, 4)).isEmpty();
        assertThat(typeOf(all, "vision_model.w", DType.F64, 4, 4)).contains(DType.F32);
    }

    @Test
    void theFirstRuleCounts() {
        WeightTypes types =
                WeightTypes.of(DType.Q4)
                        .with(new WeightTypes.Rule("*.down_proj.*", DType.Q8))
                        .with(new WeightTypes.Rule("*.0.down_proj.*", null));

        assertThat(typeOf(types, "l.0.down_proj.w", DType.BF16, 2, 2)).contains(DType.BF16);
        assertThat(typeOf(types, "l.1.down_proj.w", DType.BF16, 2, 2)).contains(DType.Q8);
        assertThat(typeOf(types, "l.1.up_proj.w", DType.BF16, 2, 2)).contains(DType.Q4);
        assertThatThrownBy(() -> new WeightTypes.Rule("*", DType.I8))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "*, , true",
        "*, abc, true",
        "a*c, abbc, true",
        "a*c, abcd, false",
        "a?c, abc, true",
        "a?c, ac, false",
        "*ab, aab, true",
        "*a*b*, xxaxxbxx, true",
        "*a*b*, xxbxxaxx, false",
        "a.c, abc, false"
    })
    void globs(String glob, String name, boolean matches) {
        assertThat(WeightTypes.matches(glob, name == null ? "" : name)).isEqualTo(matches);
    }
}
