package dev.ocellus.graph;

import dev.ocellus.kernels.Activation;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.DecoderConfig;
import dev.ocellus.model.InternVit;
import dev.ocellus.model.Llama;
import dev.ocellus.model.RopeScaling;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.model.VisionConfig;
import dev.ocellus.tensor.DType;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Graphs of real architectures in any size, without weights' values. */
public final class SmallModels {
    private SmallModels() {}

    /**
     * Shape of an InternViT.
     *
     * @param large norms and biases of the 6B kind instead of the 300M kind
     */
    public record Vit(int layers, long hidden, long mlp, long heads, long image, boolean large) {}

    /** One image through a tower with bf16 weights, whose last state is the output. */
    public static Graph vit(Vit m, Path folder) throws IOException {
        VisionConfig config =
                new VisionConfig(
                        "intern_vit_6b",
                        m.hidden(),
                        m.mlp(),
                        m.layers(),
                        m.heads(),
                        3,
                        m.image(),
                        m.image(),
                        14,
                        1e-6,
                        Activation.GELU,
                        !m.large(),
                        m.large(),
                        m.large(),
                        false);
        long d = m.hidden();
        long patches = m.image() / 14 * (m.image() / 14);
        SparseWeights w =
                bf16(new SparseWeights(), "embeddings.class_embedding", 1, 1, d)
                        .add("embeddings.position_embedding", DType.BF16, 1, 1 + patches, d)
                        .add("embeddings.patch_embedding.weight", DType.BF16, d, 3, 14, 14)
                        .add("embeddings.patch_embedding.bias", DType.BF16, d);
        for (int i = 0; i < m.layers(); i++) {
            String p = "encoder.layers." + i + ".";
            for (String vector : List.of("norm1.weight", "norm2.weight", "ls1", "ls2")) {
                bf16(w, p + vector, d);
            }
            bf16(w, p + "attn.qkv.weight", 3 * d, d);
            bf16(w, p + "attn.proj.weight", d, d);
            bf16(w, p + "attn.proj.bias", d);
            bf16(w, p + "mlp.fc1.weight", m.mlp(), d);
            bf16(w, p + "mlp.fc1.bias", m.mlp());
            bf16(w, p + "mlp.fc2.weight", d, m.mlp());
            bf16(w, p + "mlp.fc2.bias", d);
            if (m.large()) {
                bf16(w, p + "attn.q_norm.weight", d);
                bf16(w, p + "attn.k_norm.weight", d);
            } else {
                bf16(w, p + "norm1.bias", d);
                bf16(w, p + "norm2.bias", d);
                bf16(w, p + "attn.qkv.bias", 3 * d);
            }
        }
        try (Checkpoint c = w.open(folder)) {
            InternVit tower = new InternVit(config, c.weights());
            Graph g = new Graph("vision <" + m.layers() + " layers> & \"more\"");
            Value pixels = g.input("pixel_values", DType.F32, null, 1, 3, m.image(), m.image());
            g.output("last_state", tower.states(g, pixels, m.layers()).getLast());
            return g;
        }
    }

    /** A step of a LLaMA with two query heads on each of two cached ones and a tied head. */
    public static Graph step(int layers, StepCapacity capacity, Path folder) throws IOException {
        DecoderConfig config =
                new DecoderConfig(
                        "LlamaForCausalLM",
                        100,
                        32,
                        48,
                        layers,
                        4,
                        2,
                        8,
                        1e-6,
                        Activation.SILU,
                        10000,
                        new RopeScaling.Plain(),
                        1,
                        2048,
                        true,
                        false,
                        false,
                        false);
        SparseWeights w = bf16(new SparseWeights(), "embed_tokens.weight", 100, 32);
        bf16(w, "norm.weight", 32);
        for (int i = 0; i < layers; i++) {
            String p = "layers." + i + ".";
            bf16(w, p + "input_layernorm.weight", 32);
            bf16(w, p + "post_attention_layernorm.weight", 32);
            bf16(w, p + "self_attn.q_proj.weight", 32, 32);
            bf16(w, p + "self_attn.k_proj.weight", 16, 32);
            bf16(w, p + "self_attn.v_proj.weight", 16, 32);
            bf16(w, p + "self_attn.o_proj.weight", 32, 32);
            bf16(w, p + "mlp.gate_proj.weight", 48, 32);
            bf16(w, p + "mlp.up_proj.weight", 48, 32);
            bf16(w, p + "mlp.down_proj.weight", 32, 48);
        }
        try (Checkpoint c = w.open(folder)) {
            CausalLm model = new Llama(config, c.weights(), c.weights());
            return model.stepGraph(capacity, model.cacheShape(16, DType.BF16));
        }
    }

    private static SparseWeights bf16(SparseWeights w, String name, long... shape) {
        return w.add(name, DType.BF16, shape);
    }
}
