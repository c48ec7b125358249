package dev.ocellus.model;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.loader.Weights;

import java.util.ArrayList;
import java.util.List;

/**
 * CLIP's vision transformer (Radford et al. 2021): a norm before the first block, pre-norm blocks,
 * and a norm of the class token alone for the pooled vector. The first state is the one after the
 * leading norm.
 */
public final class ClipVision implements VisionTower {
    private final VisionConfig config;
    private final Weights weights;

    /**
     * @param weights scope of the tower, as in {@code vision_model}
     */
    public ClipVision(VisionConfig config, Weights weights) {
        this.config = config;
        this.weights = weights;
    }

    @Override
    public VisionConfig config() {
        return config;
    }

    @Override
    public List<Value> states(Graph g, Value pixels, int blocks) {
        List<Value> states = new ArrayList<>();
        g.scope("embeddings");
        Value x = norm(g, embeddings(g, pixels), weights, "pre_layrnorm");
        states.add(x);
        for (int i = 0; i < blocks; i++) {
            g.scope("layers." + i);
            x = block(g, x, weights.in("encoder.layers." + i));
            states.add(x);
        }
        return states;
    }

    private Value embeddings(Graph g, Value pixels) {
        long d = config.hiddenSize();
        long p = config.patchSize();
        Weights w = weights.in("embeddings");
        Value x =
                g.linear(
                        g.patchify(pixels, p),
                        Weight.matrix(
                                w.get("patch_embedding.weight", d, config.numChannels(), p, p)));
        return g.assembleTokens(
                x,
                CausalLm.vector(w, "class_embedding", d),
                InternVit.positions(w, "position_embedding.weight", d),
                pixels.shape().dim(2) / p,
                pixels.shape().dim(3) / p);
    }

    private Value block(Graph g, Value x, Weights w) {
        Value h = norm(g, x, w, "layer_norm1");
        x = g.add(x, attention(g, h, w.in("self_attn")));
        h = norm(g, x, w, "layer_norm2");
        return g.add(x, mlp(g, h, w.in("mlp")));
    }

    private Value attention(Graph g, Value x, Weights w) {
        long d = config.hiddenSize();
        long heads = config.numAttentionHeads();
        Value q = Llama.projection(g, x, w, "q_proj", d, true);
        Value k = Llama.projection(g, x, w, "k_proj", d, true);
        Value v = Llama.projection(g, x, w, "v_proj", d, true);
        Value a = g.attention(q, k, v, heads, heads, 1 / Math.sqrt((double) d / heads));
        return Llama.projection(g, a, w, "out_proj", d, true);
    }

    private Value mlp(Graph g, Value x, Weights w) {
        Value h = Llama.projection(g, x, w, "fc1", config.intermediateSize(), true);
        return Llama.projection(
                g, g.activate(h, config.hiddenAct()), w, "fc2", config.hiddenSize(), true);
    }

    private Value norm(Graph g, Value x, Weights w, String name) {
        long d = config.hiddenSize();
        return g.layerNorm(
                x,
                CausalLm.vector(w, name + ".weight", d),
                CausalLm.vector(w, name + ".bias", d),
                config.layerNormEps());
    }

    @Override
    public Value lastHiddenState(Graph g, Value lastState) {
        return lastState;
    }

    @Override
    public Value pooled(Graph g, Value lastHiddenState, Value classRows) {
        g.scope("");
        return norm(g, g.selectRows(lastHiddenState, classRows), weights, "post_layernorm");
    }
}
