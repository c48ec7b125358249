package dev.ocellus.verify;

import dev.ocellus.device.Executable;
import dev.ocellus.device.Run;
import dev.ocellus.device.WeightStore;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.graph.Count;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.DecoderConfig;
import dev.ocellus.model.Models;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code llm.forward}: all rows of a batch in one step. Masked tokens take no part: they are left
 * out, and the others keep their positions.
 */
final class LanguageForward implements Verifier.Task {
    private static final int PAGE_TOKENS = 64;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

    /** A token that takes part: its place in the batch. */
    private record Token(int row, int column, int slot, int id) {}

    @Override
    public void run(
            Verifier.Context c, NamedTensors inputs, NamedTensors expected, NamedTensors outputs) {
        try (Checkpoint checkpoint = c.checkpoint();
                WeightStore store = c.device().newWeightStore()) {
            CausalLm model = Models.language(checkpoint);
            Tensor ids = inputs.get("input_ids");
            Tensor mask = inputs.has("attention_mask") ? inputs.get("attention_mask") : null;
            forward(c, model, store, ids, mask, null, expected, outputs);
        }
    }

    /**
     * Visual embeddings for tokens: the row of {@code features} for each token of the flattened
     * batch, or -1.
     */
    record Visual(Tensor features, int[] rowOf) {}

    static void forward(
            Verifier.Context c,
            CausalLm model,
            WeightStore store,
            Tensor ids,
            Tensor mask,
            Visual visual,
            NamedTensors expected,
            NamedTensors outputs) {
        DecoderConfig config = model.config();
        List<Token> tokens = tokens(ids, mask, config.vocabSize(), visual);
        int batch = (int) ids.shape().dim(0);
        int length = (int) ids.shape().dim(1);
        CacheShape shape = model.cacheShape(PAGE_TOKENS, DType.F32);
        long pages = shape.pages(length);
        StepCapacity capacity =
                new StepCapacity(
                        tokens.size(), batch, pages, tokens.size(), visual != null, true, false);
        var graph = model.stepGraph(capacity, shape);
        try (Arena memory = Arena.ofShared();
                Executable e =
                        c.device()
                                .prepare(
                                        c.device().plan(graph, new PlanOptions(c.compute())),
                                        store);
                Run run = e.begin()) {
            RopeFrequencies f = config.frequencies(length, length);
            for (int s = 0; s < batch; s++) {
                for (int p = 0; p < pages; p++) {
                    long page = c.device().allocate(shape.pageBytes(), memory).address();
                    run.input("pages").setAtIndex(ValueLayout.JAVA_LONG, s * pages + p, page);
                }
                for (int j = 0; j < f.half(); j++) {
                    run.input("inverse_frequencies")
                            .setAtIndex(
                                    ValueLayout.JAVA_FLOAT, (long) s * f.half() + j, f.inverse(j));
                }
                run.input("rope_scale").setAtIndex(ValueLayout.JAVA_FLOAT, s, f.scale());
            }
            int given = 0;
            for (int i = 0; i < tokens.size(); i++) {
                Token t = tokens.get(i);
                run.input("sequence").setAtIndex(INT, i, t.row());
                run.input("slot").setAtIndex(INT, i, t.slot());
                run.input("position").setAtIndex(INT, i, t.column());
                run.input("logit_rows").setAtIndex(INT, i, i);
                int feature = visual == null ? -1 : visual.rowOf()[t.row() * length + t.column()];
                run.input("ids").setAtIndex(INT, i, feature < 0 ? t.id() : 0);
                if (visual != null) {
                    run.input("embedding_index").setAtIndex(INT, i, feature < 0 ? -1 : given);
                    if (feature >= 0) {
                        long bytes = config.hiddenSize() * 4;
                        MemorySegment.copy(
                                visual.features().segment(),
                                feature * bytes,
                                run.input("embeddings"),
                                given++ * bytes,
                                bytes);
                    }
                }
            }
            run.count(new Count(CausalLm.TOKENS, capacity.tokens()), tokens.size());
            run.count(new Count(CausalLm.LOGITS, capacity.logits()), tokens.size());
            run.want("hidden");
            run.want("logits");
            run.execute(() -> false);
            for (String name : expected.names()) {
                String ours =
                        name.equals("hidden_states." + config.numHiddenLayers()) ? "hidden" : name;
                if (graph.outputs().containsKey(ours)) {
                    spread(
                            run.output(ours),
                            graph.outputs().get(ours).cols(),
                            tokens,
                            outputs.make(
                                    name,
                                    DType.F32,
                                    batch,
                                    length,
                                    graph.outputs().get(ours).cols()));
                }
            }
        }
    }

    private static List<Token> tokens(Tensor ids, Tensor mask, long vocabulary, Visual visual) {
        List<Token> tokens = new ArrayList<>();
        for (int row = 0; row < ids.shape().dim(0); row++) {
            int slot = 0;
            for (int column = 0; column < ids.shape().dim(1); column++) {
                if (mask != null && mask.getLong(row, column) == 0) {
                    continue;
                }
                long id = ids.getLong(row, column);
                boolean isVisual =
                        visual != null
                                && visual.rowOf()[row * (int) ids.shape().dim(1) + column] >= 0;
                if (!isVisual && (id < 0 || id >= vocabulary)) {
                    throw new IllegalArgumentException(
                            "input_ids["
                                    + row
                                    + ","
                                    + column
                                    + "] is "
                                    + id
                                    + "; the vocabulary has "
                                    + vocabulary
                                    + " tokens");
                }
                tokens.add(new Token(row, column, slot++, (int) id));
            }
        }
        return tokens;
    }

    /** Puts rows of computed tokens where they stand in the batch; masked rows stay zero. */
    private static void spread(MemorySegment from, long cols, List<Token> tokens, Tensor to) {
        long length = to.shape().dim(1);
        for (int i = 0; i < tokens.size(); i++) {
            Token t = tokens.get(i);
            MemorySegment.copy(
                    from,
                    i * cols * 4,
                    to.segment(),
                    (t.row() * length + t.column()) * cols * 4,
                    cols * 4);
        }
    }
}
