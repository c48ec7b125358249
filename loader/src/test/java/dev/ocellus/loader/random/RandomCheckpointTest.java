package dev.ocellus.loader.random;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.CheckpointException;
import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.random.RandomCheckpoint.Options;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.loader.safetensors.TensorSpec;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;

class RandomCheckpointTest {
    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"internvl2_5-8b", "internvl3-8b-hf", "llama-135m", "vit-300m"})
    void folderHoldsTheCataloguedTensorsWithFiniteValues(String preset) {
        RandomCheckpoint.write(folder, tiny(preset), Options.DEFAULT);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.tensors())
                    .extracting(StoredTensor::spec)
                    .containsExactlyElementsOf(TensorCatalog.of(checkpoint.config()));
            for (StoredTensor tensor : checkpoint.tensors()) {
                for (float value : bf16(tensor)) {
                    assertThat(value).as(tensor.name()).isBetween(-2f, 2f);
                }
            }
        }
    }

    @Test
    void scalesFollowTheRoleOfATensor() {
        ObjectNode config = tiny("internvl2_5-8b");
        config.withObject("llm_config").put("vocab_size", 2000);
        RandomCheckpoint.write(folder, config, Options.DEFAULT);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            var weights = checkpoint.weights();
            assertScale(weights.get("language_model.model.tok_embeddings.weight"), 0, 0.02);
            assertScale(weights.get("language_model.output.weight"), 0, 1 / Math.sqrt(64));
            assertScale(
                    weights.get("vision_model.embeddings.patch_embedding.weight"),
                    0,
                    1 / Math.sqrt(3 * 14 * 14));
            assertScale(
                    weights.get("vision_model.encoder.layers.0.mlp.fc2.weight"),
                    0,
                    1 / Math.sqrt(128));
            assertThat(statistics(weights.get("language_model.model.norm.weight")).getAverage())
                    .isCloseTo(1, within(0.02));
            assertThat(statistics(weights.get("vision_model.encoder.layers.0.ls1")).getAverage())
                    .isCloseTo(0.1, within(0.01));
            assertThat(statistics(weights.get("mlp1.1.bias")).getMax()).isBetween(0.01, 0.1);
        }
    }

    @Test
    void valuesDependOnSeedNameAndIndexOnly() {
        TensorSpec tensor = new TensorSpec("a.weight", DType.BF16, Shape.of(1000, 700));
        byte[] whole = read(new RandomWeights(5), tensor, 0, 1_400_000);
        byte[] part = read(new RandomWeights(5), tensor, 640_000, 400_002);
        assertThat(part).isEqualTo(Arrays.copyOfRange(whole, 640_000, 1_040_002));
        assertThat(read(new RandomWeights(6), tensor, 0, 640)).isNotEqualTo(part(whole));
        TensorSpec other = new TensorSpec("b.weight", DType.BF16, tensor.shape());
        assertThat(read(new RandomWeights(5), other, 0, 640)).isNotEqualTo(part(whole));
    }

    @Test
    void dtypesHoldTheSameValuesRounded() {
        Shape shape = Shape.of(64, 64);
        RandomWeights weights = new RandomWeights(1);
        MemorySegment f32 = segment(weights, new TensorSpec("w.weight", DType.F32, shape), 16384);
        MemorySegment f16 = segment(weights, new TensorSpec("w.weight", DType.F16, shape), 8192);
        MemorySegment bf16 = segment(weights, new TensorSpec("w.weight", DType.BF16, shape), 8192);
        for (int i = 0; i < 4096; i++) {
            float exact = f32.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            short half = f16.getAtIndex(ValueLayout.JAVA_SHORT, i);
            int brain = bf16.getAtIndex(ValueLayout.JAVA_SHORT, i);
            assertThat(half).isEqualTo(Float.floatToFloat16(exact));
            assertThat(Float.intBitsToFloat(brain << 16))
                    .isCloseTo(exact, within(Math.abs(exact) / 256));
        }
        assertThatThrownBy(
                        () -> segment(weights, new TensorSpec("w", DType.I8, Shape.of(8, 8)), 64))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void sparseCheckpointOfALargeModelIsMadeOfNames() {
        ObjectNode config = ModelPresets.config("internvl3_5-30b-a3b");
        RandomCheckpoint.write(folder, config, Options.DEFAULT.withSparse(true));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.parameterCount())
                    .isEqualTo(
                            TensorCatalog.of(Json.of("config.json", config)).stream()
                                    .mapToLong(TensorSpec::elements)
                                    .sum());
            assertThat(checkpoint.files()).hasSizeGreaterThan(10);
            byte[] bytes = {1, 1};
            checkpoint
                    .weights()
                    .get("language_model.lm_head.weight", 151936, 2048)
                    .copyTo(151936L * 2048 * 2 - 2, MemorySegment.ofArray(bytes));
            assertThat(bytes).containsOnly(0);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "internvl2_5-8b, <|im_end|>",
        "internvl2-4b, <|end|>",
        "internvl2-4b-hf, <|end|>",
        "internvl3_5-gpt-oss-20b-a4b, <|return|>",
        "internvl-chat-v1-1, </s>",
        "internvl3-1b-hf, <|im_end|>",
        "llama-135m, <|im_end|>"
    })
    void tokenIdsOfAllFilesAgree(String preset, String stop) {
        RandomCheckpoint.write(
                folder, ModelPresets.config(preset), Options.DEFAULT.withSparse(true));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            JsonNode tokenizer = checkpoint.json("tokenizer.json").orElseThrow();
            assertThat(tokenizer.at("/model/vocab").size()).isEqualTo(256);
            int next = 256;
            int stopId = -1;
            int contextId = -1;
            for (JsonNode token : tokenizer.get("added_tokens")) {
                assertThat(token.get("id").intValue()).isEqualTo(next++);
                String content = token.get("content").textValue();
                stopId = content.equals(stop) ? token.get("id").intValue() : stopId;
                contextId = content.equals("<IMG_CONTEXT>") ? next - 1 : contextId;
            }
            Json config = checkpoint.config();
            boolean chat = config.has("llm_config") || config.has("text_config");
            Json language = chat ? config.firstObject("llm_config", "text_config") : config;
            assertThat(language.getInt("eos_token_id")).isEqualTo(stopId);
            assertThat(language.getInt("vocab_size")).isGreaterThan(30_000);
            JsonNode generation = checkpoint.json("generation_config.json").orElseThrow();
            assertThat(generation.get("eos_token_id").intValue()).isEqualTo(stopId);
            assertThat(config.getInt("image_token_id", contextId)).isEqualTo(contextId);
            JsonNode names = checkpoint.json("tokenizer_config.json").orElseThrow();
            assertThat(names.get("eos_token").textValue()).isEqualTo(stop);
            assertThat(checkpoint.json("preprocessor_config.json").isPresent()).isEqualTo(chat);
        }
    }

    @Test
    void byteTokensAreTheUsualCharacters() {
        RandomCheckpoint.write(folder, tiny("llama-135m"), Options.DEFAULT.withSparse(true));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            JsonNode vocabulary =
                    checkpoint.json("tokenizer.json").orElseThrow().at("/model/vocab");
            assertThat(vocabulary.get("A").intValue()).isEqualTo('A');
            assertThat(vocabulary.get("\u0120").intValue()).isEqualTo(' ');
            assertThat(vocabulary.get("\u010a").intValue()).isEqualTo('\n');
            assertThat(vocabulary.get("\u0143").intValue()).isEqualTo(0xad);
        }
    }

    @Test
    void visionTowersHaveNoTokenizer() {
        RandomCheckpoint.write(folder, tiny("vit-300m"), Options.DEFAULT);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.json("tokenizer.json")).isEmpty();
            assertThat(checkpoint.config().has("eos_token_id")).isFalse();
            assertThat(checkpoint.json("preprocessor_config.json")).isPresent();
        }
    }

    @Test
    void folderWithWeightsIsNotOverwritten() {
        ObjectNode config = tiny("vit-300m");
        RandomCheckpoint.write(folder, config, Options.DEFAULT);
        assertThatThrownBy(() -> RandomCheckpoint.write(folder, config, Options.DEFAULT))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("has weights already");
    }

    /** A preset with every width cut down. */
    private static ObjectNode tiny(String preset) {
        ObjectNode config = ModelPresets.config(preset);
        shrink(config);
        for (String part : new String[] {"llm_config", "text_config", "vision_config"}) {
            if (config.has(part)) {
                shrink(config.withObject(part));
            }
        }
        return config;
    }

    private static void shrink(ObjectNode config) {
        if (config.has("hidden_size")) {
            config.put("hidden_size", 64).put("intermediate_size", 128);
            config.put("num_hidden_layers", 2).put("num_attention_heads", 4);
        }
        if (config.has("vocab_size")) {
            config.put("vocab_size", 300).put("num_key_value_heads", 2);
        }
    }

    private static void assertScale(StoredTensor tensor, double mean, double deviation) {
        float[] values = bf16(tensor);
        double average = statistics(tensor).getAverage();
        double sum = 0;
        for (float value : values) {
            sum += (value - average) * (value - average);
        }
        assertThat(average).as(tensor.name()).isCloseTo(mean, within(deviation / 10));
        assertThat(Math.sqrt(sum / values.length))
                .as(tensor.name())
                .isCloseTo(deviation, within(deviation / 20));
    }

    private static DoubleSummaryStatistics statistics(StoredTensor tensor) {
        DoubleSummaryStatistics statistics = new DoubleSummaryStatistics();
        for (float value : bf16(tensor)) {
            statistics.accept(value);
        }
        return statistics;
    }

    private static float[] bf16(StoredTensor tensor) {
        short[] bits = new short[(int) tensor.elements()];
        tensor.copyTo(0, MemorySegment.ofArray(bits));
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Float.intBitsToFloat(bits[i] << 16);
        }
        return values;
    }

    private static byte[] read(RandomWeights weights, TensorSpec tensor, long offset, int bytes) {
        MemorySegment out = Arena.ofAuto().allocate(bytes, 64);
        weights.read(tensor, offset, out);
        return out.toArray(ValueLayout.JAVA_BYTE);
    }

    private static MemorySegment segment(RandomWeights weights, TensorSpec tensor, int bytes) {
        MemorySegment out = Arena.ofAuto().allocate(bytes, 64);
        weights.read(tensor, 0, out);
        return out;
    }

    private static byte[] part(byte[] whole) {
        return Arrays.copyOf(whole, 640);
    }
}
