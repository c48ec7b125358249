package dev.ocellus.model;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.loader.Weights;

/**
 * Phi-3 (Abdin et al. 2024): LLaMA's block with q, k, v in one stored matrix and gate, up in
 * another.
 */
public final class Phi3 extends CausalLm {
    /**
     * @param model scope of {@code embed_tokens}, {@code layers} and {@code norm}
     * @param top scope of {@code lm_head}
     */
    public Phi3(DecoderConfig config, Weights model, Weights top) {
        super(config, model, "embed_tokens.weight", top, "lm_head.weight");
    }

    @Override
    Value block(Graph g, Value x, Weights w, Step step) {
        Value h = norm(g, x, w, "input_layernorm.weight");
        x = g.add(x, attention(g, h, w.in("self_attn"), step));
        h = norm(g, x, w, "post_attention_layernorm.weight");
        return g.add(x, mlp(g, h, w.in("mlp")));
    }

    private Value attention(Graph g, Value x, Weights w, Step step) {
        long nq = queryWidth();
        long nk = keyWidth();
        Weight qkv = matrix(w, "qkv_proj.weight", nq + 2 * nk, x.cols());
        Value q = g.linear(x, qkv.rows(0, nq));
        Value k = g.linear(x, qkv.rows(nq, nk));
        Value v = g.linear(x, qkv.rows(nq + nk, nk));
        Value a = cachedAttention(g, q, k, v, step);
        return g.linear(a, matrix(w, "o_proj.weight", config().hiddenSize(), nq));
    }

    private Value mlp(Graph g, Value x, Weights w) {
        long n = config().intermediateSize();
        Weight both = matrix(w, "gate_up_proj.weight", 2 * n, x.cols());
        Value h =
                g.gatedActivate(
                        g.linear(x, both.rows(0, n)),
                        g.linear(x, both.rows(n, n)),
                        config().hiddenAct());
        return g.linear(h, matrix(w, "down_proj.weight", config().hiddenSize(), n));
    }
}
