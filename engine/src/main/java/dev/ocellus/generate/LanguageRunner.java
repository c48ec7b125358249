package dev.ocellus.generate;

import dev.ocellus.device.Device;
import dev.ocellus.device.Executable;
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
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * Runs steps of a language model: picks the plan whose capacity fits, fills its inputs and hands
 * out its logits. Prompts go through in chunks of fixed sizes; a decoded token of one or several
 * sequences is one step, which threads that decode at the same time share. Thread-safe; a cache
 * belongs to one thread at a time.
 */
public final class LanguageRunner {
    /**
     * Rows that a step of each kind has room for: a decoded token, a short and a long piece of a
     * prompt.
     */
    private static final int[] CHUNKS = {1, 32, 512};

    /** Most tokens of a prompt that go through in one step. */
    public static final int LONGEST_CHUNK = CHUNKS[CHUNKS.length - 1];

    /** Sizes of decoding batches: powers of two. */
    private static final int BATCH_SIZES = 16;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final BooleanSupplier NEVER = () -> false;

    private final CausalLm model;
    private final Device device;
    private final PlanOptions options;
    private final PlanCache plans;
    private final CacheShape cacheShape;
    private final long maxPages;
    private final int[] chunks;
    private final StepKind visualToken;
    private final StepKind[] chunkKinds;
    private final StepKind[] batchKinds = new StepKind[BATCH_SIZES];
    private final DecodeQueue decoding = new DecodeQueue(this::decode);

    /** The request that is run by itself; for the thread that runs the step. */
    private final List<DecodeRequest> alone = new ArrayList<>(1);

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
        this(model, device, options, plans, cacheShape, contextTokens, CHUNKS);
    }

    /**
     * @param chunks rows of the steps that prompts go through, ascending from 1
     */
    LanguageRunner(
            CausalLm model,
            Device device,
            PlanOptions options,
            PlanCache plans,
            CacheShape cacheShape,
            long contextTokens,
            int... chunks) {
        this.model = model;
        this.device = device;
        this.options = options;
        this.plans = plans;
        this.cacheShape = cacheShape;
        this.chunks = chunks;
        maxPages = cacheShape.pages(contextTokens);
        visualToken = new StepKind(1, 1, 1, true);
        chunkKinds = new StepKind[chunks.length];
        for (int i = 0; i < chunks.length; i++) {
            // Plans for prompts always have room for visual tokens, so that text and image chunks
            // share one.
            chunkKinds[i] = new StepKind(chunks[i], 1, 1, i > 0);
        }
        for (int i = 0; i < BATCH_SIZES; i++) {
            batchKinds[i] = new StepKind(1 << i, 1 << i, 1 << i, false);
        }
    }

    /** Steps that share a plan; what they need is made once, so that a step allocates nothing. */
    private final class StepKind {
        final StepCapacity capacity;
        final Count tokens;
        final Count logits;
        final Supplier<Plan> maker;

        StepKind(long rows, long sequences, long logitRows, boolean embeddings) {
            capacity = new StepCapacity(rows, sequences, maxPages, logitRows, embeddings, false);
            tokens = new Count(CausalLm.TOKENS, rows);
            logits = new Count(CausalLm.LOGITS, logitRows);
            maker = () -> plan(capacity);
        }

        Run begin() {
            return plans.begin(capacity, maker);
        }
    }

    public CausalLm model() {
        return model;
    }

    /** Where the logits of a step go, while the step's memory is valid. Must not decode itself. */
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
            LogitsSink sink,
            BooleanSupplier cancelled,
            IntConsumer progress) {
        for (int at = from; at < to; ) {
            int n = Math.min(largestChunk(), to - at);
            boolean last = at + n == to;
            chunk(cache, prompt, at, n, frequencies, last ? sink : null, cancelled);
            at += n;
            progress.accept(at);
        }
    }

    /** Others' tokens come between chunks: while there are some, chunks are short. */
    private int largestChunk() {
        int longest = chunks.length - 1;
        return chunks[longest > 0 && decoding.othersDecode() ? longest - 1 : longest];
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
        StepKind kind = chunkKind(n, visual);
        int start = cache.length();
        reserve(cache, n);
        try (Run run = kind.begin()) {
            StepInputs.sequence(run, 0, cache, maxPages, frequencies);
            for (int i = at; i < at + n; i++) {
                int id = prompt.imageOf()[i] < 0 ? checked(prompt.ids()[i]) : 0;
                int slot = cache.append(prompt.keys()[i]);
                StepInputs.row(run, i - at, id, 0, slot);
                if (kind.capacity.embeddings()) {
                    StepInputs.embedding(run, i - at, prompt, i, model.config().hiddenSize());
                }
            }
            if (sink != null) {
                run.input("logit_rows").setAtIndex(INT, 0, n - 1);
            }
            int logits = sink == null ? 0 : 1;
            execute(run, kind, n, logits, cancelled);
            handOut(run, kind, 0, logits, sink);
        } catch (RuntimeException | Error e) {
            cache.truncate(start);
            throw e;
        }
    }

    /**
     * Appends one token to each of several caches. Threads that decode at the same time share
     * steps; each gets the logits that it would get alone.
     *
     * @param tokens a token id for each cache
     * @param sink may be called in another thread that is decoding
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
            LogitsSink sink,
            BooleanSupplier cancelled) {
        decoding.decode(caches, tokens, frequencies, sink, cancelled);
    }

    /** Decodes for several threads; what ails one request or the common step hits no other. */
    private void decode(List<DecodeRequest> requests) {
        if (requests.size() == 1) {
            decodeAlone(requests.getFirst());
            return;
        }
        try {
            step(requests, NEVER);
        } catch (RuntimeException | Error e) {
            requests.forEach(DecodeRequest::takeBack);
            for (DecodeRequest r : requests) {
                if (!r.hasFailed()) {
                    decodeAlone(r);
                }
            }
        }
    }

    private void decodeAlone(DecodeRequest r) {
        try {
            alone.add(r);
            step(alone, r.cancelled);
        } catch (RuntimeException | Error e) {
            r.takeBack();
            r.fail(e);
        } finally {
            alone.clear();
        }
    }

    private void step(List<DecodeRequest> requests, BooleanSupplier cancelled) {
        int most = 0;
        for (int i = 0; i < requests.size(); i++) {
            most += requests.get(i).rows();
        }
        StepKind kind = most == 1 ? chunkKind(1, false) : batchKind(most);
        try (Run run = kind.begin()) {
            int rows = 0;
            for (int i = 0; i < requests.size(); i++) {
                DecodeRequest r = requests.get(i);
                if (fill(run, r, rows)) {
                    rows += r.rows();
                }
            }
            if (rows > 0) {
                execute(run, kind, rows, rows, cancelled);
                for (int i = 0; i < requests.size(); i++) {
                    handOut(run, kind, requests.get(i));
                }
            }
        }
    }

    /** Fills the rows of a request from {@code firstRow} on, unless it fails. */
    private boolean fill(Run run, DecodeRequest r, int firstRow) {
        r.firstRow = firstRow;
        try {
            for (int i = 0; i < r.rows(); i++) {
                KvCache cache = r.caches.get(i);
                int row = firstRow + i;
                int id = checked(r.tokens[i]);
                reserve(cache, 1);
                int slot = cache.append(id);
                r.appended();
                StepInputs.sequence(run, row, cache, maxPages, r.frequencies.get(i));
                StepInputs.row(run, row, id, row, slot);
                run.input("logit_rows").setAtIndex(INT, row, row);
            }
            return true;
        } catch (RuntimeException | Error e) {
            r.takeBack();
            r.fail(e);
            return false;
        }
    }

    private static void handOut(Run run, StepKind kind, DecodeRequest r) {
        if (r.hasFailed()) {
            return;
        }
        try {
            handOut(run, kind, r.firstRow, r.rows(), r.sink);
            r.keep();
        } catch (RuntimeException | Error e) {
            r.takeBack();
            r.fail(e);
        }
    }

    private static void execute(
            Run run, StepKind kind, int rows, int logits, BooleanSupplier cancelled) {
        run.count(kind.tokens, rows);
        run.count(kind.logits, logits);
        run.execute(cancelled);
    }

    private static void handOut(Run run, StepKind kind, int first, int rows, LogitsSink sink) {
        for (int i = 0; i < rows; i++) {
            sink.accept(
                    i,
                    row(run.output("logits"), first + i, kind),
                    row(run.output("hidden"), first + i, kind));
        }
    }

    /**
     * Row i of an output; the output itself when it has one row, so that decoding allocates
     * nothing.
     */
    private static MemorySegment row(MemorySegment output, int i, StepKind kind) {
        long rows = kind.logits.capacity();
        long bytes = output.byteSize() / rows;
        return rows == 1 ? output : output.asSlice(i * bytes, bytes);
    }

    private int checked(int id) {
        if (id < 0 || id >= model.config().vocabSize()) {
            throw new IllegalArgumentException(
                    "token id "
                            + id
                            + " is outside the model's vocabulary of "
                            + model.config().vocabSize());
        }
        return id;
    }

    private void reserve(KvCache cache, int tokens) {
        long room = maxPages * cacheShape.pageTokens();
        if (cache.length() + (long) tokens > room) {
            throw new IllegalArgumentException(
                    "a sequence of "
                            + (cache.length() + (long) tokens)
                            + " tokens is longer than the "
                            + room
                            + " that steps have room for");
        }
        cache.reserve(tokens);
    }

    /** The runnable plan of steps with this capacity, for measuring; good until evicted. */
    public Executable executable(StepCapacity capacity) {
        return plans.executable(capacity, () -> plan(capacity));
    }

    /** The plan of a step with this capacity; made anew at each call. */
    public Plan plan(StepCapacity capacity) {
        return device.plan(model.stepGraph(capacity, cacheShape), options);
    }

    /** The smallest capacity that holds {@code rows} rows of {@code sequences} sequences. */
    public StepCapacity capacity(int rows, int sequences, boolean visual) {
        return (sequences > 1 ? batchKind(sequences) : chunkKind(rows, visual)).capacity;
    }

    private StepKind chunkKind(int rows, boolean visual) {
        int chunk = 0;
        while (chunks[chunk] < rows) {
            chunk++;
        }
        return chunk == 0 && visual ? visualToken : chunkKinds[chunk];
    }

    private StepKind batchKind(int sequences) {
        int size = Integer.SIZE - Integer.numberOfLeadingZeros(sequences - 1);
        if (size >= BATCH_SIZES) {
            throw new IllegalArgumentException(
                    sequences
                            + " sequences at once; at most "
                            + (1 << BATCH_SIZES - 1)
                            + " can be");
        }
        return batchKinds[size];
    }
}
