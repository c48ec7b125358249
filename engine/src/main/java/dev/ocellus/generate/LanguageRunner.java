package dev.ocellus.generate;

import dev.ocellus.device.Device;
import dev.ocellus.device.PlanCache;
import dev.ocellus.device.Run;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.graph.Count;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Runs steps of a language model: picks the plan whose capacity fits, fills its inputs and hands
 * out its logits. Prompts go through in chunks of fixed sizes; a decoded token of one or several
 * sequences is one step. Thread-safe; a cache belongs to one thread at a time.
 */
public final class LanguageRunner {
    /**
     * Rows that a step of each kind has room for: a decoded token, a short and a long piece of a
     * prompt.
     */
    private static final int[] CHUNKS = {1, 32, 512};

    /** Most tokens of a prompt that go through in one step. */
    public static final int LONGEST_CHUNK = CHUNKS[CHUNKS.length - 1];

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final CausalLm model;
    private final Device device;
    private final PlanOptions options;
    private final PlanCache plans;
    private final CacheShape cacheShape;
    private final long maxPages;

    /**
     * @param contextTokens longest sequence that steps must hold
     */
    public LanguageRunner(
            CausalLm model,
            Device device,
            PlanOptions options,
            PlanCache plans,
            CacheShape cacheShape,
            long contextTokens) {
        this.model = model;
        this.device = device;
        this.options = options;
        this.plans = plans;
        this.cacheShape = cacheShape;
        maxPages = cacheShape.pages(contextTokens);
    }

    public CausalLm model() {
        return model;
    }

    /** Where the logits of a step go, while the step's memory is valid. */
    @FunctionalInterface
    public interface LogitsSink {
        /**
         * @param row index among the rows whose logits were asked for
         * @param logits float32 [vocabulary]
         * @param hidden float32 [hidden], after the final norm
         */
        void accept(int row, MemorySegment logits, MemorySegment hidden);
    }

    /**
     * Appends tokens [from, to) of a prompt to a cache and gives the logits that follow the last
     * one.
     *
     * @param cache holds the tokens before {@code from}; gets the rest
     * @param cancelled asked between kernels; on cancellation the cache keeps whole chunks only
     */
    public void prefill(
            KvCache cache,
            Prompt prompt,
            int from,
            int to,
            RopeFrequencies frequencies,
            LogitsSink sink,
            BooleanSupplier cancelled) {
        for (int at = from; at < to; ) {
            int n = Math.min(LONGEST_CHUNK, to - at);
            boolean last = at + n == to;
            chunk(cache, prompt, at, n, frequencies, last ? sink : null, cancelled);
            at += n;
        }
    }

    private void chunk(
            KvCache cache,
            Prompt prompt,
            int at,
            int n,
            RopeFrequencies frequencies,
            LogitsSink sink,
            BooleanSupplier cancelled) {
        boolean visual = false;
        for (int i = at; i < at + n; i++) {
            if (prompt.imageOf()[i] >= 0) {
                visual = true;
                // Made before the run begins: making features is a run as well, and a thread holds
                // one run at a time.
                prompt.features().of(prompt.imageOf()[i]);
            }
        }
        StepCapacity capacity = capacity(n, 1, visual);
        cache.reserve(n);
        int start = cache.length();
        try (Run run = begin(capacity)) {
            StepWriter w = new StepWriter(run, capacity);
            w.sequence(0, cache, frequencies);
            for (int i = at; i < at + n; i++) {
                int slot = cache.append(prompt.keys()[i]);
                w.row(i - at, prompt.imageOf()[i] < 0 ? prompt.ids()[i] : 0, 0, slot, slot);
                if (capacity.embeddings()) {
                    w.embedding(i - at, prompt, i, model.config().hiddenSize());
                }
            }
            if (sink != null) {
                run.input("logit_rows").setAtIndex(INT, 0, n - 1);
            }
            finish(run, capacity, n, sink == null ? 0 : 1, sink, cancelled);
        } catch (RuntimeException | Error e) {
            cache.truncate(start);
            throw e;
        }
    }

    /**
     * Appends one token to each of several caches.
     *
     * @param tokens a token id for each cache
     */
    public void decode(
            List<KvCache> caches,
            int[] tokens,
            List<RopeFrequencies> frequencies,
            LogitsSink sink,
            BooleanSupplier cancelled) {
        int n = caches.size();
        StepCapacity capacity = capacity(n, n == 1 ? 1 : powerOfTwo(n), false);
        int reserved = 0;
        try (Run run = begin(capacity)) {
            StepWriter w = new StepWriter(run, capacity);
            for (int i = 0; i < n; i++) {
                KvCache cache = caches.get(i);
                cache.reserve(1);
                int slot = cache.append(tokens[i]);
                reserved++;
                w.sequence(i, cache, frequencies.get(i));
                w.row(i, tokens[i], i, slot, slot);
                run.input("logit_rows").setAtIndex(INT, i, i);
            }
            finish(run, capacity, n, n, sink, cancelled);
        } catch (RuntimeException | Error e) {
            for (int i = 0; i < reserved; i++) {
                caches.get(i).truncate(caches.get(i).length() - 1);
            }
            throw e;
        }
    }

    private void finish(
            Run run,
            StepCapacity capacity,
            int rows,
            int logits,
            LogitsSink sink,
            BooleanSupplier cancelled) {
        run.count(new Count(CausalLm.TOKENS, capacity.tokens()), rows);
        run.count(new Count(CausalLm.LOGITS, capacity.logits()), logits);
        run.execute(cancelled);
        long v = model.config().vocabSize() * 4;
        long h = model.config().hiddenSize() * 4;
        for (int i = 0; i < logits; i++) {
            sink.accept(
                    i,
                    run.output("logits").asSlice(i * v, v),
                    run.output("hidden").asSlice(i * h, h));
        }
    }

    private Run begin(StepCapacity capacity) {
        return plans.begin(capacity, () -> plan(capacity));
    }

    /** The plan of a step with this capacity; made anew at each call. */
    public Plan plan(StepCapacity capacity) {
        return device.plan(model.stepGraph(capacity, cacheShape), options);
    }

    /** The smallest capacity that holds {@code rows} rows of {@code sequences} sequences. */
    public StepCapacity capacity(int rows, int sequences, boolean visual) {
        if (sequences > 1) {
            return new StepCapacity(sequences, sequences, maxPages, sequences, false, false);
        }
        int chunk = 0;
        while (CHUNKS[chunk] < rows) {
            chunk++;
        }
        // Plans for prompts always have room for visual tokens, so that text and image chunks share
        // one.
        return new StepCapacity(CHUNKS[chunk], 1, maxPages, 1, visual || chunk > 0, false);
    }

    private static int powerOfTwo(int n) {
        return Integer.highestOneBit(n - 1) * 2;
    }

    /** Fills the inputs of a step. */
    private static final class StepWriter {
        private final Run run;
        private final MemorySegment ids;
        private final MemorySegment sequence;
        private final MemorySegment slot;
        private final MemorySegment position;
        private final MemorySegment pages;
        private final long maxPages;
        private int embeddings;

        StepWriter(Run run, StepCapacity capacity) {
            this.run = run;
            ids = run.input("ids");
            sequence = run.input("sequence");
            slot = run.input("slot");
            position = run.input("position");
            pages = run.input("pages");
            maxPages = capacity.maxPages();
        }

        void sequence(int s, KvCache cache, RopeFrequencies f) {
            for (int i = 0; i < cache.pageCount(); i++) {
                pages.setAtIndex(ValueLayout.JAVA_LONG, s * maxPages + i, cache.page(i));
            }
            MemorySegment inverse = run.input("inverse_frequencies");
            for (int j = 0; j < f.half(); j++) {
                inverse.setAtIndex(FLOAT, (long) s * f.half() + j, f.inverse(j));
            }
            run.input("rope_scale").setAtIndex(FLOAT, s, f.scale());
        }

        void row(int row, int id, int s, int cacheSlot, int at) {
            ids.setAtIndex(INT, row, id);
            sequence.setAtIndex(INT, row, s);
            slot.setAtIndex(INT, row, cacheSlot);
            position.setAtIndex(INT, row, at);
        }

        void embedding(int row, Prompt prompt, int token, long hidden) {
            int image = prompt.imageOf()[token];
            run.input("embedding_index").setAtIndex(INT, row, image < 0 ? -1 : embeddings);
            if (image >= 0) {
                MemorySegment.copy(
                        prompt.features().of(image),
                        prompt.rowOf()[token] * hidden * 4,
                        run.input("embeddings"),
                        embeddings * hidden * 4,
                        hidden * 4);
                embeddings++;
            }
        }
    }
}
