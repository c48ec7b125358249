package dev.ocellus.model;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.loader.Weights;

/**
 * Qwen3, dense (Yang et al. 2025): no biases unless the config asks for them, and a norm of each
 * head of q and k before the rotation. Heads times head size may differ from the hidden size.
 */
public final class Qwen3 extends CausalLm {
    /**
     * @param model scope of {@code embed_tokens}, {@code layers} and {@code norm}
     * @param top scope of {@code lm_head}
     */
    public Qwen3(DecoderConfig config, Weights model, Weights top) {
        super(config, model, "embed_tokens.weight", top, "lm_head.weight");
    }

    @Override
    Value block(Graph g, Value x, Weights w, Step step) {
        Value h = norm(g, x, w, "input_layernorm.weight");
        x = g.add(x, attention(g, h, w.in("self_attn"), step));
        h = norm(g, x, w, "post_attention_layernorm.weight");
        return g.add(x, Llama.mlp(g, h, w.in("mlp"), config()));
    }

    private Value attention(Graph g, Value x, Weights w, Step step) {
        DecoderConfig c = config();
        Value q = Llama.projection(g, x, w, "q_proj", queryWidth(), c.attentionBias());
        Value k = Llama.projection(g, x, w, "k_proj", keyWidth(), c.attentionBias());
        Value v = Llama.projection(g, x, w, "v_proj", keyWidth(), c.attentionBias());
        q =
                g.rmsNorm(
                        q,
                        vector(w, "q_norm.weight", c.headDim()),
                        c.rmsNormEps(),
                        c.numAttentionHeads());
        k =
                g.rmsNorm(
                        k,
                        vector(w, "k_norm.weight", c.headDim()),
                        c.rmsNormEps(),
                        c.numKeyValueHeads());
        Value a = cachedAttention(g, q, k, v, step);
        return Llama.projection(g, a, w, "o_proj", c.hiddenSize(), c.outputBias());
    }
}
