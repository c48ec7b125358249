package dev.ocellus.loader.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.config.ConfigException;
import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.safetensors.TensorSpec;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Names, shapes and totals against the published parameter counts. */
class TensorCatalogTest {
    @ParameterizedTest
    @CsvSource({
        "vit-6b-224px, 5902793600",
        "vit-6b-448px-v1-0, 5905251200",
        "vit-6b, 5536496000",
        "vit-300m, 304012288",
        "internvl-14b-224px, 13834975747",
        "llama-135m, 134515008",
        "llama-1b, 1235814400",
        "llama-7b, 6738415616",
        "clip-l-336, 303507456"
    })
    void totalsAreExact(String name, long parameters) {
        assertThat(total(name)).isEqualTo(parameters);
    }

    /** In billions, as precise as they were published. */
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
        "internvl3_5-38b, 38.4",
        "internvl3_5-30b-a3b, 30.8",
        "internvl3_5-241b-a28b, 240.7",
        "internvl3_5-gpt-oss-20b-a4b, 21.2"
    })
    void chatModelsHaveTheirPublishedTotals(String name, BigDecimal billions) {
        double published = billions.doubleValue() * 1e9;
        double half = 0.5 * Math.pow(10, 9 - billions.scale());
        assertThat((double) total(name)).isBetween(published - half, published + half);
        assertThat(total(name + "-hf")).isEqualTo(total(name));
    }

    static List<String> names() {
        return ModelPresets.names();
    }

    @ParameterizedTest
    @MethodSource("names")
    void namesAreDistinctAndConfigsFresh(String name) {
        List<TensorSpec> tensors = tensors(name);
        assertThat(tensors.stream().map(TensorSpec::name).collect(Collectors.toSet()))
                .hasSameSizeAs(tensors);
        ModelPresets.config(name).removeAll();
        assertThat(tensors(name)).isEqualTo(tensors);
    }

    @Test
    void originalLayoutNames() {
        assertThat(shapes("internvl2_5-8b"))
                .containsEntry("vision_model.embeddings.class_embedding", Shape.of(1, 1, 1024))
                .containsEntry(
                        "vision_model.embeddings.position_embedding", Shape.of(1, 1025, 1024))
                .containsEntry(
                        "vision_model.embeddings.patch_embedding.weight", Shape.of(1024, 3, 14, 14))
                .containsEntry("vision_model.encoder.layers.23.attn.qkv.bias", Shape.of(3072))
                .containsEntry("vision_model.encoder.layers.0.norm1.bias", Shape.of(1024))
                .containsEntry("vision_model.encoder.layers.0.ls1", Shape.of(1024))
                .containsEntry("mlp1.0.weight", Shape.of(4096))
                .containsEntry("mlp1.1.weight", Shape.of(4096, 4096))
                .containsEntry("mlp1.3.bias", Shape.of(4096))
                .containsEntry("language_model.model.tok_embeddings.weight", Shape.of(92553, 4096))
                .containsEntry(
                        "language_model.model.layers.31.attention.wqkv.weight",
                        Shape.of(6144, 4096))
                .containsEntry(
                        "language_model.model.layers.0.feed_forward.w2.weight",
                        Shape.of(4096, 14336))
                .containsEntry("language_model.output.weight", Shape.of(92553, 4096));
        assertThat(shapes("internvl2-26b"))
                .containsEntry("vision_model.encoder.layers.44.attn.q_norm.weight", Shape.of(3200))
                .doesNotContainKeys(
                        "vision_model.encoder.layers.0.attn.qkv.bias",
                        "vision_model.encoder.layers.0.norm1.bias",
                        "vision_model.encoder.layers.45.ls1");
        assertThat(shapes("internvl2-4b"))
                .containsEntry(
                        "language_model.model.layers.0.self_attn.qkv_proj.weight",
                        Shape.of(9216, 3072))
                .containsEntry(
                        "language_model.model.layers.0.mlp.gate_up_proj.weight",
                        Shape.of(16384, 3072));
    }

    @Test
    void huggingFaceLayoutNames() {
        assertThat(shapes("internvl3-8b-hf"))
                .containsEntry("model.vision_tower.embeddings.cls_token", Shape.of(1, 1, 1024))
                .containsEntry(
                        "model.vision_tower.encoder.layer.0.attention.k_proj.bias", Shape.of(1024))
                .containsEntry("model.vision_tower.encoder.layer.0.lambda_2", Shape.of(1024))
                .containsEntry("model.multi_modal_projector.linear_1.weight", Shape.of(3584, 4096))
                .containsEntry(
                        "model.language_model.layers.0.self_attn.q_proj.bias", Shape.of(3584))
                .containsEntry("model.language_model.norm.weight", Shape.of(3584))
                .containsEntry("lm_head.weight", Shape.of(151674, 3584));
        assertThat(shapes("internvl2_5-26b-hf"))
                .containsEntry(
                        "model.vision_tower.encoder.layer.44.attention.k_norm.weight",
                        Shape.of(3200))
                .containsEntry(
                        "model.language_model.layers.0.self_attn.k_proj.weight",
                        Shape.of(1024, 6144));
    }

    @Test
    void mixtureOfExpertsNames() {
        assertThat(shapes("internvl3_5-30b-a3b"))
                .containsEntry("language_model.model.layers.0.mlp.gate.weight", Shape.of(128, 2048))
                .containsEntry(
                        "language_model.model.layers.47.mlp.experts.127.down_proj.weight",
                        Shape.of(2048, 768))
                .containsEntry(
                        "language_model.model.layers.0.self_attn.q_norm.weight", Shape.of(128))
                .containsEntry(
                        "language_model.model.layers.0.self_attn.q_proj.weight",
                        Shape.of(4096, 2048));
        assertThat(shapes("internvl3_5-gpt-oss-20b-a4b"))
                .containsEntry("language_model.model.layers.0.self_attn.sinks", Shape.of(64))
                .containsEntry("language_model.model.layers.0.mlp.router.bias", Shape.of(32))
                .containsEntry(
                        "language_model.model.layers.0.mlp.experts.gate_up_proj",
                        Shape.of(32, 2880, 5760))
                .containsEntry(
                        "language_model.model.layers.0.mlp.experts.down_proj_bias",
                        Shape.of(32, 2880));
    }

    @Test
    void tiedHeadIsNotStored() {
        Set<String> names = shapes("llama-135m").keySet();
        assertThat(names).contains("model.embed_tokens.weight").doesNotContain("lm_head.weight");
    }

    @Test
    void dtypeIsThatOfTheConfig() {
        ObjectNode config = ModelPresets.config("vit-300m").put("torch_dtype", "float16");
        assertThat(TensorCatalog.of(Json.of("config.json", config)))
                .extracting(TensorSpec::dtype)
                .containsOnly(DType.F16);
    }

    @Test
    void unknownModelsAreRefused() {
        ObjectNode config = ModelPresets.config("llama-135m").put("model_type", "mamba");
        assertThatThrownBy(() -> TensorCatalog.of(Json.of("config.json", config)))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("config.json: model_type is \"mamba\", must be llama,");
        assertThatThrownBy(() -> ModelPresets.config("gpt-5"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("internvl3-8b");
    }

    private static long total(String name) {
        return tensors(name).stream().mapToLong(TensorSpec::elements).sum();
    }

    private static Map<String, Shape> shapes(String name) {
        return tensors(name).stream()
                .collect(Collectors.toMap(TensorSpec::name, TensorSpec::shape));
    }

    private static List<TensorSpec> tensors(String name) {
        return TensorCatalog.of(Json.of("config.json", ModelPresets.config(name)));
    }
}
