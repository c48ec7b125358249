package dev.ocellus.model;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.loader.Weights;

import java.util.ArrayList;
import java.util.List;

/**
 * InternLM2 and 2.5 (Cai et al. 2024): LLaMA's block under other names. The stored {@code wqkv}
 * holds, for each group of query heads that share a key, the query heads, then the key head, then
 * the value head.
 */
public final class InternLm2 extends CausalLm {
    /**
     * @param model scope of {@code tok_embeddings}, {@code layers} and {@code norm}
     * @param top scope of {@code output}
     */
    public InternLm2(DecoderConfig config, Weights model, Weights top) {
        super(config, model, "tok_embeddings.weight", top, "output.weight");
    }

    @Override
    Value block(Graph g, Value x, Weights w, Step step) {
        Value h = norm(g, x, w, "attention_norm.weight");
        x = g.add(x, attention(g, h, w.in("attention"), step));
        h = norm(g, x, w, "ffn_norm.weight");
        return g.add(x, mlp(g, h, w.in("feed_forward")));
    }

    private Value attention(Graph g, Value x, Weights w, Step step) {
        DecoderConfig c = config();
        long rows = queryWidth() + 2 * keyWidth();
        Weight wqkv = matrix(w, "wqkv.weight", rows, x.cols());
        Weight bias = bias(w, "wqkv.bias", rows, c.attentionBias());
        long perGroup = c.numAttentionHeads() / c.numKeyValueHeads();
        Value q = g.linear(x, heads(wqkv, 0, perGroup), heads(bias, 0, perGroup));
        Value k = g.linear(x, heads(wqkv, perGroup, 1), heads(bias, perGroup, 1));
        Value v = g.linear(x, heads(wqkv, perGroup + 1, 1), heads(bias, perGroup + 1, 1));
        Value a = cachedAttention(g, q, k, v, step);
        return g.linear(
                a,
                matrix(w, "wo.weight", c.hiddenSize(), queryWidth()),
                bias(w, "wo.bias", c.hiddenSize(), c.outputBias()));
    }

    /** Heads [first, first + count) of every group. */
    private Weight heads(Weight packed, long first, long count) {
        if (packed == null) {
            return null;
        }
        DecoderConfig c = config();
        long groupRows = (c.numAttentionHeads() / c.numKeyValueHeads() + 2) * c.headDim();
        List<Weight> parts = new ArrayList<>();
        for (long group = 0; group < c.numKeyValueHeads(); group++) {
            parts.add(packed.rows(group * groupRows + first * c.headDim(), count * c.headDim()));
        }
        return Weight.concat(packed.name(), parts);
    }

    private Value mlp(Graph g, Value x, Weights w) {
        long n = config().intermediateSize();
        Value gate = g.linear(x, matrix(w, "w1.weight", n, x.cols()));
        Value up = g.linear(x, matrix(w, "w3.weight", n, x.cols()));
        Value h = g.gatedActivate(gate, up, config().hiddenAct());
        return g.linear(h, matrix(w, "w2.weight", config().hiddenSize(), n));
    }
}
