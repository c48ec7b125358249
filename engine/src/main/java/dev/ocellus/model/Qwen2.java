package dev.ocellus.model;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.loader.Weights;

/** Qwen2 and Qwen2.5 (Yang et al. 2024): LLaMA's block with biases on q, k and v. */
public final class Qwen2 extends CausalLm {
    /**
     * @param model scope of {@code embed_tokens}, {@code layers} and {@code norm}
     * @param top scope of {@code lm_head}
     */
    public Qwen2(DecoderConfig config, Weights model, Weights top) {
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
        Value q = Llama.projection(g, x, w, "q_proj", queryWidth(), true);
        Value k = Llama.projection(g, x, w, "k_proj", keyWidth(), true);
        Value v = Llama.projection(g, x, w, "v_proj", keyWidth(), true);
        Value a = cachedAttention(g, q, k, v, step);
        return Llama.projection(g, a, w, "o_proj", config().hiddenSize(), false);
    }
}
