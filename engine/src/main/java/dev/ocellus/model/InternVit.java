package dev.ocellus.model;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.loader.Weights;

import java.util.ArrayList;
import java.util.List;

/**
 * InternViT (Chen et al. 2023), the 6B kind (RMS norms, normalised q and k) and the 300M kind
 * (layer norms, biases), under the published names and under those of the transformers library.
 *
 * <p>Pre-norm blocks with layer scale: {@code x += ls1 * attention(norm1(x)); x += ls2 *
 * mlp(norm2(x))}. There is no norm after the last block unless the config asks for it.
 */
public final class InternVit implements VisionTower {
    /** The transformers library gives the norms of q and k its default, not the config's. */
    private static final double QK_NORM_EPS = 1e-6;

    private final VisionConfig config;
    private final Weights weights;
    private final Names names;

    /** Tensor names of a layout; {@code qkv} is null where q, k and v are stored apart. */
    private record Names(
            String cls,
            String position,
            String patch,
            String layers,
            String norm1,
            String norm2,
            String attention,
            String qkv,
            String proj,
            String ls1,
            String ls2) {

        static final Names ORIGINAL =
                new Names(
                        "embeddings.class_embedding",
                        "embeddings.position_embedding",
                        "embeddings.patch_embedding",
                        "encoder.layers.",
                        "norm1",
                        "norm2",
                        "attn",
                        "qkv",
                        "proj",
                        "ls1",
                        "ls2");
        static final Names TRANSFORMERS =
                new Names(
                        "embeddings.cls_token",
                        "embeddings.position_embeddings",
                        "embeddings.patch_embeddings.projection",
                        "encoder.layer.",
                        "layernorm_before",
                        "layernorm_after",
                        "attention",
                        null,
                        "projection_layer",
                        "lambda_1",
                        "lambda_2");
    }

    /**
     * @param weights scope of the tower
     */
    public InternVit(VisionConfig config, Weights weights) {
        this.config = config;
        this.weights = weights;
        names = weights.has(Names.TRANSFORMERS.cls()) ? Names.TRANSFORMERS : Names.ORIGINAL;
    }

    @Override
    public VisionConfig config() {
        return config;
    }

    @Override
    public List<Value> states(Graph g, Value pixels, int blocks) {
        List<Value> states = new ArrayList<>();
        g.scope("embeddings");
        Value x = embeddings(g, pixels);
        states.add(x);
        for (int i = 0; i < blocks; i++) {
            g.scope("layers." + i);
            x = block(g, x, weights.in(names.layers() + i));
            states.add(x);
        }
        return states;
    }

    private Value embeddings(Graph g, Value pixels) {
        long d = config.hiddenSize();
        long p = config.patchSize();
        Weight patch =
                Weight.matrix(
                        weights.get(names.patch() + ".weight", d, config.numChannels(), p, p));
        Weight bias = CausalLm.vector(weights, names.patch() + ".bias", d);
        Weight cls = Weight.vector(weights.get(names.cls(), 1, 1, d));
        Value x = g.linear(g.patchify(pixels, p), patch, bias);
        return g.assembleTokens(
                x,
                cls,
                positions(weights, names.position(), d),
                pixels.shape().dim(2) / p,
                pixels.shape().dim(3) / p);
    }

    /**
     * A position table [1, 1 + g^2, d] or [1 + g^2, d]: its size comes from the tensor, since
     * fine-tuned checkpoints outgrow their config.
     */
    static Weight positions(Weights weights, String name, long d) {
        var stored = weights.get(name);
        return Weight.matrix(stored, stored.shape().elements() / d);
    }

    private Value block(Graph g, Value x, Weights w) {
        Value h = norm(g, x, w, names.norm1());
        h = attention(g, h, w);
        x = g.add(x, g.scale(h, CausalLm.vector(w, names.ls1(), config.hiddenSize())));
        h = norm(g, x, w, names.norm2());
        h = mlp(g, h, w.in("mlp"));
        return g.add(x, g.scale(h, CausalLm.vector(w, names.ls2(), config.hiddenSize())));
    }

    private Value attention(Graph g, Value x, Weights block) {
        Weights w = block.in(names.attention());
        long d = config.hiddenSize();
        Value q = projection(g, x, w, "q_proj", 0);
        Value k = projection(g, x, w, "k_proj", 1);
        Value v = projection(g, x, w, "v_proj", 2);
        if (config.qkNormalization()) {
            double eps = names.qkv() == null ? QK_NORM_EPS : config.layerNormEps();
            q = g.rmsNorm(q, headNorm(block, "q_norm.weight"), eps);
            k = g.rmsNorm(k, headNorm(block, "k_norm.weight"), eps);
        }
        long heads = config.numAttentionHeads();
        Value a = g.attention(q, k, v, heads, heads, 1 / Math.sqrt((double) d / heads));
        return linear(g, a, w, names.proj(), d, true);
    }

    /** Some converted checkpoints keep the original name of these norms. */
    private Weight headNorm(Weights block, String name) {
        String original = Names.ORIGINAL.attention() + "." + name;
        return Weight.vector(
                block.firstOf(names.attention() + "." + name, original)
                        .expectShape(config.hiddenSize()));
    }

    /** One of q, k, v: its own matrix, or its third of the packed one. */
    private Value projection(Graph g, Value x, Weights w, String name, int third) {
        long d = config.hiddenSize();
        if (names.qkv() == null) {
            return linear(g, x, w, name, d, config.qkvBias());
        }
        Weight packed = CausalLm.matrix(w, names.qkv() + ".weight", 3 * d, d);
        Weight bias = CausalLm.bias(w, names.qkv() + ".bias", 3 * d, config.qkvBias());
        return g.linear(
                x, packed.rows(third * d, d), bias == null ? null : bias.rows(third * d, d));
    }

    private Value mlp(Graph g, Value x, Weights w) {
        Value h =
                g.activate(
                        linear(g, x, w, "fc1", config.intermediateSize(), true),
                        config.hiddenAct());
        return linear(g, h, w, "fc2", config.hiddenSize(), true);
    }

    private Value norm(Graph g, Value x, Weights w, String name) {
        Weight scale = CausalLm.vector(w, name + ".weight", config.hiddenSize());
        return config.rmsNorm()
                ? g.rmsNorm(x, scale, config.layerNormEps())
                : g.layerNorm(
                        x,
                        scale,
                        CausalLm.vector(w, name + ".bias", config.hiddenSize()),
                        config.layerNormEps());
    }

    private static Value linear(
            Graph g, Value x, Weights w, String name, long rows, boolean biased) {
        return Llama.projection(g, x, w, name, rows, biased);
    }

    @Override
    public Value lastHiddenState(Graph g, Value lastState) {
        g.scope("");
        return config.finalNorm()
                ? g.layerNorm(
                        lastState,
                        CausalLm.vector(weights, "layernorm.weight", config.hiddenSize()),
                        CausalLm.vector(weights, "layernorm.bias", config.hiddenSize()),
                        config.layerNormEps())
                : lastState;
    }

    @Override
    public Value pooled(Graph g, Value lastHiddenState, Value classRows) {
        return g.selectRows(lastHiddenState, classRows);
    }
}
