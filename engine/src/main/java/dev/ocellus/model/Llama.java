package dev.ocellus.model;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.loader.Weights;

/**
 * LLaMA (Touvron et al. 2023), with grouped-query attention; also Vicuna, Yi and InternLM3, which
 * adds only biases that its config names.
 */
public final class Llama extends CausalLm {
    /**
     * @param model scope of {@code embed_tokens}, {@code layers} and {@code norm}
     * @param top scope of {@code lm_head}
     */
    public Llama(DecoderConfig config, Weights model, Weights top) {
        super(config, model, "embed_tokens.weight", top, "lm_head.weight");
    }

    @Override
    Value block(Graph g, Value x, Weights w, Step step) {
        Value h = norm(g, x, w, "input_layernorm.weight");
        x = g.add(x, attention(g, h, w.in("self_attn"), step));
        h = norm(g, x, w, "post_attention_layernorm.weight");
        return g.add(x, mlp(g, h, w.in("mlp"), config()));
    }

    private Value attention(Graph g, Value x, Weights w, Step step) {
        DecoderConfig c = config();
        Value q = projection(g, x, w, "q_proj", queryWidth(), c.attentionBias());
        Value k = projection(g, x, w, "k_proj", keyWidth(), c.attentionBias());
        Value v = projection(g, x, w, "v_proj", keyWidth(), c.attentionBias());
        Value a = cachedAttention(g, q, k, v, step);
        return projection(g, a, w, "o_proj", c.hiddenSize(), c.outputBias());
    }

    /** SwiGLU (Shazeer 2020): down(act(gate x) * up x). */
    static Value mlp(Graph g, Value x, Weights w, DecoderConfig c) {
        Value gate = projection(g, x, w, "gate_proj", c.intermediateSize(), c.mlpBias());
        Value up = projection(g, x, w, "up_proj", c.intermediateSize(), c.mlpBias());
        Value h = g.gatedActivate(gate, up, c.hiddenAct());
        return projection(g, h, w, "down_proj", c.hiddenSize(), c.mlpBias());
    }

    static Value projection(Graph g, Value x, Weights w, String name, long rows, boolean biased) {
        return g.linear(
                x,
                matrix(w, name + ".weight", rows, x.cols()),
                bias(w, name + ".bias", rows, biased));
    }
}
