package dev.ocellus.model;

import dev.ocellus.graph.CacheShape;
import dev.ocellus.graph.CacheState;
import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.SampleOptions;
import dev.ocellus.loader.Weights;
import dev.ocellus.tensor.DType;

/**
 * A decoder-only language model: embedding, blocks, final norm, head. Subclasses write the block of
 * their paper; what all share is here. A step appends rows to cached sequences: rows are token ids
 * or embeddings, of one sequence or several.
 *
 * <p>Inputs of the step graph: {@code ids} int32 [tokens]; {@code position}, {@code sequence} and
 * {@code slot} int32 [tokens] (rotary position, sequence and place in its cache of each row);
 * {@code pages} int64 [sequences, maxPages]; {@code inverse_frequencies} [sequences, half] and
 * {@code rope_scale} [sequences]; {@code logit_rows} int32 [logits] (rows whose logits are wanted);
 * with embeddings also {@code embeddings} [tokens, hidden] and {@code embedding_index} int32
 * [tokens] (row of {@code embeddings}, or -1 to use the id); with choice also {@code sampling}
 * int64 [logits, fields], see {@link SampleOptions}. Outputs: {@code tokens} int32 [logits] with
 * choice, {@code hidden_states.k} [tokens, hidden] with hidden states; optional ones, see {@link
 * Graph#optionalOutput}: {@code logits} [logits, vocabulary] and {@code hidden} [logits, hidden]
 * after the final norm.
 */
public abstract sealed class CausalLm permits InternLm2, Llama, Phi3, Qwen2, Qwen3 {
    /** Count of rows in a step. */
    public static final String TOKENS = "tokens";

    /** Count of rows whose logits are wanted. */
    public static final String LOGITS = "logits";

    private final DecoderConfig config;
    private final Weights model;
    private final Weight embedding;
    private final Weight head;

    /**
     * @param model scope of the embedding, {@code layers} and {@code norm}
     * @param embeddingName name of the embedding table in it
     * @param top scope of the output head
     * @param headName name of the head in it; without that tensor the embedding table is the head,
     *     whatever the config says, since configs are often wrong about it
     */
    CausalLm(
            DecoderConfig config,
            Weights model,
            String embeddingName,
            Weights top,
            String headName) {
        this.config = config;
        this.model = model;
        embedding = matrix(model, embeddingName, config.vocabSize(), config.hiddenSize());
        head =
                top.has(headName)
                        ? matrix(top, headName, config.vocabSize(), config.hiddenSize())
                        : embedding;
    }

    public final DecoderConfig config() {
        return config;
    }

    /** One block of the decoder. */
    abstract Value block(Graph g, Value x, Weights w, Step step);

    /** What a block needs beside its input. */
    record Step(int layer, Value ropeTable, CacheState cache) {}

    /** Layout of this model's cache. */
    public final CacheShape cacheShape(long pageTokens, DType cacheType) {
        return new CacheShape(
                config.numHiddenLayers(),
                config.numKeyValueHeads(),
                config.headDim(),
                pageTokens,
                cacheType);
    }

    /** The graph of one step. */
    public final Graph stepGraph(StepCapacity capacity, CacheShape cacheShape) {
        Graph g = new Graph("step " + capacity.tokens());
        Count tokens = new Count(TOKENS, capacity.tokens());
        Count logits = new Count(LOGITS, capacity.logits());
        Value ids = g.input("ids", DType.I32, tokens, tokens.capacity());
        Value position = g.input("position", DType.I32, tokens, tokens.capacity());
        Value sequence = g.input("sequence", DType.I32, tokens, tokens.capacity());
        Value slot = g.input("slot", DType.I32, tokens, tokens.capacity());
        Value pages = g.input("pages", DType.I64, null, capacity.sequences(), capacity.maxPages());
        Value inverse =
                g.input(
                        "inverse_frequencies",
                        DType.F32,
                        null,
                        capacity.sequences(),
                        config.rotaryDim() / 2);
        Value scale = g.input("rope_scale", DType.F32, null, capacity.sequences());
        Value rows = g.input("logit_rows", DType.I32, logits, logits.capacity());

        g.scope("embedding");
        Value x = g.embedding(ids, embedding, head.equals(embedding));
        if (capacity.embeddings()) {
            Value given =
                    g.input("embeddings", DType.F32, null, tokens.capacity(), config.hiddenSize());
            Value index = g.input("embedding_index", DType.I32, tokens, tokens.capacity());
            x = g.selectRows(x, given, index);
        }
        Value ropeTable = g.ropeTable(position, sequence, inverse, scale);
        CacheState state = new CacheState(cacheShape, sequence, slot, pages);
        for (int i = 0; i < config.numHiddenLayers(); i++) {
            if (capacity.hiddenStates()) {
                g.output("hidden_states." + i, x);
            }
            g.scope("layers." + i);
            x = block(g, x, model.in("layers." + i), new Step(i, ropeTable, state));
        }
        g.scope("head");
        if (capacity.hiddenStates()) {
            g.output("last_layer", x);
        }
        x = g.selectRows(x, rows);
        x = g.rmsNorm(x, vector(model, "norm.weight", config.hiddenSize()), config.rmsNormEps());
        g.optionalOutput("hidden", x);
        x = g.linear(x, head);
        g.optionalOutput("logits", x);
        if (capacity.choice()) {
            Value options =
                    g.input("sampling", DType.I64, logits, logits.capacity(), SampleOptions.FIELDS);
            g.output("tokens", g.sample(x, options));
        }
        return g;
    }

    /** Rotates queries and keys, appends to the cache and attends to it. */
    final Value cachedAttention(Graph g, Value q, Value k, Value v, Step step) {
        q = g.rope(q, step.ropeTable(), config.numAttentionHeads());
        k = g.rope(k, step.ropeTable(), config.numKeyValueHeads());
        Value appended = g.kvAppend(k, v, step.cache(), step.layer());
        return g.pagedAttention(
                q,
                appended,
                step.cache(),
                step.layer(),
                config.numAttentionHeads(),
                1 / Math.sqrt(config.headDim()),
                0);
    }

    final Value norm(Graph g, Value x, Weights w, String name) {
        return g.rmsNorm(x, vector(w, name, config.hiddenSize()), config.rmsNormEps());
    }

    static Weight matrix(Weights w, String name, long rows, long cols) {
        return Weight.matrix(w.get(name, rows, cols));
    }

    static Weight vector(Weights w, String name, long length) {
        return Weight.vector(w.get(name, length));
    }

    /** A bias of this length, or null where the model has none. */
    static Weight bias(Weights w, String name, long length, boolean present) {
        return present ? vector(w, name, length) : null;
    }

    final long queryWidth() {
        return config.numAttentionHeads() * config.headDim();
    }

    final long keyWidth() {
        return config.numKeyValueHeads() * config.headDim();
    }
}
