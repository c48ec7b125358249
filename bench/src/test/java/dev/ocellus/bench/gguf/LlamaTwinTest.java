package dev.ocellus.bench.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.CheckpointException;
import dev.ocellus.loader.random.ModelPresets;
import dev.ocellus.loader.random.RandomCheckpoint;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Twins of a small checkpoint in the shape of Llama 3.2. */
class LlamaTwinTest {
    private static final int HIDDEN = 64;
    private static final int HEADS = 4;
    private static final int HEAD_DIM = 16;
    private static final int VOCABULARY = 300;

    @TempDir private Path folder;
    private Path model;

    @BeforeEach
    void checkpoint() {
        ObjectNode config = ModelPresets.config("llama-1b");
        config.put("hidden_size", HIDDEN)
                .put("intermediate_size", 96)
                .put("num_hidden_layers", 2)
                .put("num_attention_heads", HEADS)
                .put("num_key_value_heads", 2)
                .put("head_dim", HEAD_DIM)
                .put("vocab_size", VOCABULARY);
        model = folder.resolve("model");
        RandomCheckpoint.write(model, config, RandomCheckpoint.Options.DEFAULT);
    }

    private GgufFile twin(GgufType type) throws IOException {
        Path file = folder.resolve("twin.gguf");
        LlamaTwin.write(model, type, file);
        return new GgufFile(file);
    }

    private float[] stored(String name) {
        try (Checkpoint c = Checkpoint.open(model)) {
            int elements = Math.toIntExact(c.weights().get(name).elements());
            float[] all = new float[elements];
            new StoredRows(c.weights().get(name)).read(0, all);
            return all;
        }
    }

    @Test
    void metadataSaysTheModelsShape() throws IOException {
        GgufFile twin = twin(GgufType.BF16);
        assertThat(twin.metadata)
                .containsEntry("general.architecture", "llama")
                .containsEntry("llama.block_count", 2)
                .containsEntry("llama.embedding_length", HIDDEN)
                .containsEntry("llama.attention.head_count", HEADS)
                .containsEntry("llama.attention.head_count_kv", 2)
                .containsEntry("llama.rope.dimension_count", HEAD_DIM)
                .containsEntry("llama.rope.freq_base", 500000f)
                .containsEntry("tokenizer.ggml.eos_token_id", 258);
        assertThat((List<?>) twin.metadata.get("tokenizer.ggml.tokens"))
                .hasSize(VOCABULARY)
                .doesNotHaveDuplicates();
        // Tied embeddings have no head of their own.
        assertThat(twin.tensors).hasSize(3 + 2 * 9).doesNotContainKey("output.weight");
        assertThat(twin.tensors.get("blk.1.ffn_down.weight").dims()).containsExactly(96L, 64L);
    }

    @Test
    void everyTensorLiesWithinTheFileAtAMultipleOf32() throws IOException {
        GgufFile twin = twin(GgufType.Q4_0);
        assertThat(twin.tensors.values()).allMatch(t -> t.offset() % 32 == 0);
        String last = List.copyOf(twin.tensors.keySet()).getLast();
        assertThat(twin.end(last, 64 * 96 / 32 * 18)).isLessThanOrEqualTo(twin.size());
    }

    @Test
    void bfloat16WeightsAreTheStoredOnes() throws IOException {
        GgufFile twin = twin(GgufType.BF16);
        assertThat(twin.values("token_embd.weight")).isEqualTo(stored("model.embed_tokens.weight"));
        assertThat(twin.values("blk.1.ffn_up.weight"))
                .isEqualTo(stored("model.layers.1.mlp.up_proj.weight"));
        assertThat(twin.values("blk.0.attn_norm.weight"))
                .isEqualTo(stored("model.layers.0.input_layernorm.weight"));
    }

    @Test
    void halvesOfAHeadBecomeNeighbours() throws IOException {
        float[] query = stored("model.layers.1.self_attn.q_proj.weight");
        float[] turned = twin(GgufType.BF16).values("blk.1.attn_q.weight");
        for (int head = 0; head < HEADS; head++) {
            for (int j = 0; j < HEAD_DIM / 2; j++) {
                for (int half = 0; half < 2; half++) {
                    int from = (head * HEAD_DIM + half * HEAD_DIM / 2 + j) * HIDDEN;
                    int to = (head * HEAD_DIM + 2 * j + half) * HIDDEN;
                    assertThat(turned[to + 5]).isEqualTo(query[from + 5]);
                }
            }
        }
    }

    @Test
    void longContextScalingBecomesFactors() throws IOException {
        float[] factors = twin(GgufType.BF16).values("rope_freqs.weight");
        assertThat(factors).hasSize(HEAD_DIM / 2);
        assertThat(factors[0]).isEqualTo(1f);
        assertThat(factors[HEAD_DIM / 2 - 1]).isCloseTo(32f, within(1e-3f));
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void blocksKeepTheWeightsToAStepOfTheirScale(GgufType type) throws IOException {
        float[] weights = stored("model.layers.0.mlp.gate_proj.weight");
        GgufFile twin = twin(type);
        float[] blocks = twin.values("blk.0.ffn_gate.weight");
        double steps = type == GgufType.Q8_0 ? 127 : 8;
        for (int at = 0; at < weights.length; at += 32) {
            float largest = 0;
            for (int i = at; i < at + 32; i++) {
                largest = Math.max(largest, Math.abs(weights[i]));
            }
            for (int i = at; i < at + 32; i++) {
                // The scale is rounded to float16. A value of the largest magnitude but the other
                // sign is a whole step off in q4.
                double limit = largest / steps * (type == GgufType.Q8_0 ? 0.57 : 1.01);
                assertThat((double) blocks[i]).isCloseTo(weights[i], within(limit));
            }
        }
        assertThat(twin.tensors.get("token_embd.weight").type()).isEqualTo(GgufType.Q8_0.id);
    }

    @Test
    void otherArchitecturesAreRefused() {
        ObjectNode config = ModelPresets.config("llama-1b");
        config.putArray("architectures").add("Qwen2ForCausalLM");
        config.put("model_type", "qwen2")
                .put("hidden_size", 32)
                .put("intermediate_size", 32)
                .put("num_hidden_layers", 1)
                .put("num_attention_heads", 2)
                .put("num_key_value_heads", 2)
                .put("head_dim", 16)
                .put("vocab_size", VOCABULARY)
                .putNull("rope_scaling");
        Path other = folder.resolve("other");
        RandomCheckpoint.write(other, config, RandomCheckpoint.Options.DEFAULT);
        assertThatThrownBy(
                        () -> LlamaTwin.write(other, GgufType.BF16, folder.resolve("other.gguf")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("Qwen2ForCausalLM");
    }
}
