package dev.ocellus.generate;

import dev.ocellus.device.Device;
import dev.ocellus.device.Executable;
import dev.ocellus.device.PlanCache;
import dev.ocellus.device.Run;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;

/**
 * Runs steps of a language model. Prompts go through in chunks of fixed sizes; a decoded token of
 * one or several sequences is one step, which threads that decode at the same time share.
 * Thread-safe; a cache belongs to one thread at a time.
 */
public final class LanguageRunner {
    private final CausalLm model;
    private final Device device;
    private final PromptChunks chunks;
    private final StepKinds kinds;
    private final StepInputs inputs;
    private final DecodeQueue decoding;

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
        this(model, device, options, plans, cacheShape, contextTokens, PromptChunks.of(device));
    }

    LanguageRunner(
            CausalLm model,
            Device device,
            PlanOptions options,
            PlanCache plans,
            CacheShape cacheShape,
            long contextTokens,
            PromptChunks chunks) {
        this.model = model;
        this.device = device;
        this.chunks = chunks;
        long maxPages = cacheShape.pages(contextTokens);
        kinds = new StepKinds(model, device, options, plans, cacheShape, maxPages, chunks.rows());
        inputs = new StepInputs(model.config(), cacheShape, maxPages);
        decoding = new DecodeQueue(new DecodeSteps(kinds, inputs)::run);
    }

    public CausalLm model() {
        return model;
    }

    /** Into what pieces prompts are cut. */
    public PromptChunks chunks() {
        return chunks;
    }

    /** Chooses the tokens of an answer from the rows of steps; as {@link TokenChooser#of}. */
    TokenChooser chooser(GenerationOptions options, int[] occurred, Arena arena) {
        int vocabulary = Math.toIntExact(model.config().vocabSize());
        return TokenChooser.of(device, options, vocabulary, occurred, arena);
    }

    /**
     * Appends tokens [from, to) of a prompt to a cache and gives what follows the last one.
     *
     * @param cache holds the tokens before {@code from}; gets the rest
     * @param cancelled asked between kernels; on cancellation the cache keeps whole chunks only
     * @param progress hears after each chunk how many tokens of the prompt are cached
     * @throws IllegalArgumentException if an id is outside the vocabulary or the sequence is longer
     *     than steps have room for
     * @throws CacheFullException if there are no pages; the cache keeps whole chunks only
     */
    public void prefill(
            KvCache cache,
            Prompt prompt,
            int from,
            int to,
            RopeFrequencies frequencies,
            RowSink sink,
            BooleanSupplier cancelled,
            IntConsumer progress) {
        for (int at = from; at < to; ) {
            int n = chunks.next(to - at, decoding.othersDecode());
            boolean last = at + n == to;
            chunk(cache, prompt, at, n, frequencies, last ? sink : null, cancelled);
            at += n;
            progress.accept(at);
        }
    }

    /**
     * @param sink of the last row, or null
     */
    private void chunk(
            KvCache cache,
            Prompt prompt,
            int at,
            int n,
            RopeFrequencies frequencies,
            RowSink sink,
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
        StepKind kind = kinds.chunk(n, visual);
        int start = cache.length();
        inputs.reserve(cache, n);
        try (Run run = kind.begin()) {
            inputs.sequence(run, 0, cache, frequencies);
            for (int i = at; i < at + n; i++) {
                int id = prompt.imageOf()[i] < 0 ? inputs.checked(prompt.ids()[i]) : 0;
                int slot = cache.append(prompt.keys()[i]);
                inputs.row(run, i - at, id, 0, slot);
                if (kind.capacity().embeddings()) {
                    inputs.embedding(run, i - at, prompt, i);
                }
            }
            if (sink != null) {
                kind.ask(run, 0, n - 1, sink);
            }
            kind.execute(run, n, sink == null ? 0 : 1, cancelled);
            if (sink != null) {
                kind.handOut(run, 0, sink);
            }
        } catch (RuntimeException | Error e) {
            cache.truncate(start);
            throw e;
        }
    }

    /**
     * Appends one token to each of several caches. Threads that decode at the same time share
     * steps; each gets the results that it would get alone.
     *
     * @param tokens a token id for each cache
     * @param sinks where the results of each go
     * @param cancelled asked before the step, while others' steps are waited for, and between
     *     kernels of a step that is not shared; on cancellation no cache has changed
     * @throws IllegalArgumentException if an id is outside the vocabulary or a sequence is longer
     *     than steps have room for
     * @throws CacheFullException if there are no pages; no cache has changed then
     */
    public void decode(
            List<KvCache> caches,
            int[] tokens,
            List<RopeFrequencies> frequencies,
            List<? extends RowSink> sinks,
            BooleanSupplier cancelled) {
        decoding.decode(caches, tokens, frequencies, sinks, cancelled);
    }

    /** The runnable plan of steps with this capacity, for measuring; good until evicted. */
    public Executable executable(StepCapacity capacity) {
        return kinds.executable(capacity);
    }

    /** The plan of a step with this capacity; made anew at each call. */
    public Plan plan(StepCapacity capacity) {
        return kinds.plan(capacity);
    }

    /** The smallest capacity that holds {@code rows} rows of {@code sequences} sequences. */
    public StepCapacity capacity(int rows, int sequences, boolean visual) {
        StepKind kind = sequences > 1 ? kinds.batch(sequences) : kinds.chunk(rows, visual);
        return kind.capacity();
    }
}
