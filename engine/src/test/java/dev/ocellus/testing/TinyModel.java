package dev.ocellus.testing;

import dev.ocellus.tensor.DType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Checkpoints of random weights, small enough to run in plain Java. */
public enum TinyModel {
    /** Dynamic rotary scaling past {@value #TRAINED} tokens. */
    LLAMA("LlamaForCausalLM", DType.F32, "{\"type\": \"dynamic\", \"factor\": 4.0}"),
    /** Biases and bfloat16 weights. */
    QWEN2("Qwen2ForCausalLM", DType.BF16, "null"),
    /** Joined matrices, and other rotary factors past {@value #TRAINED} tokens. */
    PHI3(
            "Phi3ForCausalLM",
            DType.F16,
            "{\"type\": \"longrope\", \"short_factor\": [1.0, 1.1, 1.2, 1.3],"
                    + " \"long_factor\": [1.5, 2.0, 3.0, 4.0]}");

    /** Tokens after which rotary frequencies change. */
    public static final int TRAINED = 20;

    public static final int VOCABULARY = 50;
    public static final int HIDDEN = 32;

    private static final int INTERMEDIATE = 40;
    private static final int LAYERS = 2;
    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;
    private static final int HEAD_DIM = HIDDEN / HEADS;

    private final String architecture;
    private final DType dtype;
    private final String ropeScaling;

    TinyModel(String architecture, DType dtype, String ropeScaling) {
        this.architecture = architecture;
        this.dtype = dtype;
        this.ropeScaling = ropeScaling;
    }

    /** Writes {@code config.json} and {@code model.safetensors} into a folder of its own. */
    public Path write(Path parent) {
        return write(parent, 1);
    }

    /** As {@link #write}, with a final norm whose weights are no numbers. */
    public Path writeBroken(Path parent) {
        return write(parent, Double.NaN);
    }

    private Path write(Path parent, double finalNorm) {
        try {
            Path folder = Files.createDirectories(parent.resolve(name()));
            Files.writeString(folder.resolve("config.json"), config());
            weights(finalNorm).write(folder.resolve("model.safetensors"));
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String config() {
        int longest = this == LLAMA ? TRAINED : 4 * TRAINED;
        return """
               {"architectures": ["%s"], "vocab_size": %d, "hidden_size": %d,
                "intermediate_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d,
                "num_key_value_heads": %d, "max_position_embeddings": %d,
                "original_max_position_embeddings": %d, "rms_norm_eps": 1e-5,
                "rope_theta": 10000.0, "rope_scaling": %s}
               """
                .formatted(
                        architecture,
                        VOCABULARY,
                        HIDDEN,
                        INTERMEDIATE,
                        LAYERS,
                        HEADS,
                        KV_HEADS,
                        longest,
                        TRAINED,
                        ropeScaling);
    }

    private SafetensorsWriter weights(double finalNorm) {
        Random random = new Random(ordinal());
        SafetensorsWriter w = new SafetensorsWriter();
        matrix(w, random, "model.embed_tokens.weight", VOCABULARY, HIDDEN);
        for (int i = 0; i < LAYERS; i++) {
            String layer = "model.layers." + i + ".";
            norm(w, random, layer + "input_layernorm.weight", 1);
            norm(w, random, layer + "post_attention_layernorm.weight", 1);
            attention(w, random, layer + "self_attn.");
            if (this == PHI3) {
                matrix(w, random, layer + "mlp.gate_up_proj.weight", 2 * INTERMEDIATE, HIDDEN);
            } else {
                matrix(w, random, layer + "mlp.gate_proj.weight", INTERMEDIATE, HIDDEN);
                matrix(w, random, layer + "mlp.up_proj.weight", INTERMEDIATE, HIDDEN);
            }
            matrix(w, random, layer + "mlp.down_proj.weight", HIDDEN, INTERMEDIATE);
        }
        norm(w, random, "model.norm.weight", finalNorm);
        matrix(w, random, "lm_head.weight", VOCABULARY, HIDDEN);
        return w;
    }

    private void attention(SafetensorsWriter w, Random random, String scope) {
        int q = HEADS * HEAD_DIM;
        int kv = KV_HEADS * HEAD_DIM;
        if (this == PHI3) {
            matrix(w, random, scope + "qkv_proj.weight", q + 2 * kv, HIDDEN);
        } else {
            matrix(w, random, scope + "q_proj.weight", q, HIDDEN);
            matrix(w, random, scope + "k_proj.weight", kv, HIDDEN);
            matrix(w, random, scope + "v_proj.weight", kv, HIDDEN);
        }
        if (this == QWEN2) {
            w.random(scope + "q_proj.bias", dtype, random, 0, 0.3, q);
            w.random(scope + "k_proj.bias", dtype, random, 0, 0.3, kv);
            w.random(scope + "v_proj.bias", dtype, random, 0, 0.3, kv);
        }
        matrix(w, random, scope + "o_proj.weight", HIDDEN, q);
    }

    private void matrix(SafetensorsWriter w, Random random, String name, int rows, int cols) {
        w.random(name, dtype, random, 0, 1.5 / Math.sqrt(cols), rows, cols);
    }

    private void norm(SafetensorsWriter w, Random random, String name, double mean) {
        w.random(name, dtype, random, mean, 0.1, HIDDEN);
    }
}
