package dev.ocellus.generate;

import dev.ocellus.model.DecoderConfig;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.model.RopeScaling;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * Generates token after token for one or several independent prompts, which share each decoding
 * step. What a cache already holds of its prompt is not computed again. For one thread; several
 * generations may run at once on caches of their own.
 */
public final class Generation {

    /** Decides what comes of each new token. */
    @FunctionalInterface
    public interface TokenListener {
        /** Takes a token (never a stop token) and says whether generation goes on. */
        boolean token(int id);

        /** Hears how many tokens of the prompt are computed, after each chunk. */
        default void prefilled(int done, int total) {}
    }

    /**
     * One prompt and what it needs.
     *
     * @param cache holds the prompt's beginning perhaps; afterwards the prompt and the answer,
     *     perhaps without its last token
     * @param stopTokens ids that end the answer, beside those of the options
     * @param penalisePrompt whether the repetition penalty counts the prompt's tokens as well
     */
    public record Request(
            Prompt prompt,
            KvCache cache,
            GenerationOptions options,
            Set<Integer> stopTokens,
            boolean penalisePrompt,
            TokenListener listener) {}

    /**
     * What came of a request.
     *
     * @param ids new tokens, the stop token included
     * @param reusedTokens tokens of the prompt that were in the cache
     * @param prefillNanos time until the first logits
     * @param decodeNanos time of all further tokens
     */
    public record Result(
            int[] ids,
            FinishReason reason,
            int promptTokens,
            int reusedTokens,
            long prefillNanos,
            long decodeNanos) {}

    private final LanguageRunner runner;
    private final DecoderConfig config;
    private final long contextTokens;
    private final BooleanSupplier cancelled;

    /** Sequences longer than this have other rotary frequencies than shorter ones. */
    private final long frequencyThreshold;

    /**
     * @param cancelled asked between kernels
     */
    public Generation(LanguageRunner runner, long contextTokens, BooleanSupplier cancelled) {
        this.runner = runner;
        this.config = runner.model().config();
        this.contextTokens = contextTokens;
        this.cancelled = cancelled;
        frequencyThreshold =
                switch (config.ropeScaling()) {
                    case RopeScaling.Dynamic d -> config.maxPositionEmbeddings();
                    case RopeScaling.LongRope l -> l.originalMaxPositionEmbeddings();
                    default -> Long.MAX_VALUE;
                };
    }

    /** One prompt under way. */
    private final class Sequence {
        final Request request;
        final TokenChooser chooser;
        final int[] stops;
        final int planned;
        int[] ids = new int[32];
        int count;
        RopeFrequencies frequencies;
        FinishReason reason;
        int reused;
        long prefillNanos;
        long decodeNanos;

        /**
         * @param arena owns memory of the device until the answer is there
         */
        Sequence(Request r, Arena arena) {
            request = r;
            int n = r.prompt().length();
            if (n >= contextTokens) {
                throw new ContextOverflowException(n, contextTokens);
            }
            if (n == 0) {
                throw new IllegalArgumentException("the prompt is empty");
            }
            stops =
                    Stream.concat(r.stopTokens().stream(), r.options().stopTokens().stream())
                            .mapToInt(Integer::intValue)
                            .sorted()
                            .toArray();
            planned = (int) Math.min(contextTokens, (long) n + r.options().maxNewTokens());
            int[] occurred = r.penalisePrompt() ? r.prompt().ids() : new int[0];
            chooser = runner.chooser(r.options(), occurred, arena);
        }

        int length() {
            return request.prompt().length() + count;
        }

        void prefill() {
            long start = System.nanoTime();
            frequencies = config.frequencies(length(), planned);
            request.cache().frequencies(frequencies);
            Prompt prompt = count == 0 ? request.prompt() : withAnswer();
            KvCache cache = request.cache();
            int keep = Math.min(cache.commonPrefix(prompt.keys()), prompt.length() - 1);
            cache.truncate(keep);
            runner.prefill(
                    cache,
                    prompt,
                    keep,
                    prompt.length(),
                    frequencies,
                    chooser,
                    cancelled,
                    done -> request.listener().prefilled(done, prompt.length()));
            if (count == 0) {
                reused = keep;
                prefillNanos = System.nanoTime() - start;
            }
        }

        /** The prompt followed by the tokens so far, for when all keys have to be rotated anew. */
        private Prompt withAnswer() {
            Prompt p = request.prompt();
            int n = p.length();
            int[] all = Arrays.copyOf(p.ids(), n + count);
            long[] keys = Arrays.copyOf(p.keys(), n + count);
            int[] imageOf = Arrays.copyOf(p.imageOf(), n + count);
            for (int i = 0; i < count; i++) {
                all[n + i] = ids[i];
                keys[n + i] = ids[i];
                imageOf[n + i] = -1;
            }
            return new Prompt(
                    all, keys, imageOf, Arrays.copyOf(p.rowOf(), n + count), p.features());
        }

        /** Takes the next token; {@link #reason} is set when it is the last one. */
        void choose() {
            int id = chooser.next();
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, count * 2);
            }
            ids[count++] = id;
            if (Arrays.binarySearch(stops, id) >= 0) {
                reason = FinishReason.STOP_TOKEN;
            } else if (!request.listener().token(id)) {
                reason = FinishReason.STOP_STRING;
            } else if (count >= request.options().maxNewTokens()) {
                reason = FinishReason.MAX_TOKENS;
            } else if (length() >= contextTokens) {
                reason = FinishReason.CONTEXT_FULL;
            }
        }

        /** Whether the rotary frequencies change with the token that is about to be computed. */
        boolean frequenciesChange() {
            return length() == frequencyThreshold + 1;
        }

        Result result() {
            return new Result(
                    Arrays.copyOf(ids, count),
                    reason,
                    request.prompt().length(),
                    reused,
                    prefillNanos,
                    decodeNanos);
        }
    }

    /**
     * Runs the requests to their ends.
     *
     * @throws ContextOverflowException if a prompt does not fit the context
     * @throws CacheFullException if there are no pages left; the caches stay usable
     */
    public List<Result> run(List<Request> requests) {
        try (Arena arena = Arena.ofConfined()) {
            return finish(requests.stream().map(r -> new Sequence(r, arena)).toList());
        }
    }

    private List<Result> finish(List<Sequence> all) {
        List<Sequence> active = new ArrayList<>(all);
        try {
            for (Sequence s : all) {
                s.prefill();
                s.choose();
            }
            active.removeIf(s -> s.reason != null);
            Batch batch = new Batch(active);
            while (!active.isEmpty()) {
                batch.step();
                if (active.removeIf(s -> s.reason != null)) {
                    batch = new Batch(active);
                }
            }
        } catch (CancellationException e) {
            all.stream()
                    .filter(s -> s.reason == null)
                    .forEach(s -> s.reason = FinishReason.CANCELLED);
        }
        return all.stream().map(Sequence::result).toList();
    }

    /** The sequences that decode together, until one of them ends. */
    private final class Batch {
        private final List<Sequence> sequences;
        private final List<KvCache> caches;
        private final List<TokenChooser> choosers;
        private final List<RopeFrequencies> frequencies = new ArrayList<>();
        private final int[] tokens;

        Batch(List<Sequence> active) {
            sequences = List.copyOf(active);
            caches = sequences.stream().map(s -> s.request.cache()).toList();
            choosers = sequences.stream().map(s -> s.chooser).toList();
            sequences.forEach(s -> frequencies.add(s.frequencies));
            tokens = new int[sequences.size()];
        }

        void step() {
            long start = System.nanoTime();
            boolean change = false;
            for (int i = 0; i < tokens.length; i++) {
                Sequence s = sequences.get(i);
                tokens[i] = s.ids[s.count - 1];
                change |= s.frequenciesChange();
            }
            if (change) {
                // All keys of a sequence that passes its trained length are rotated anew; the
                // others take their step alone.
                stepApart();
            } else {
                runner.decode(caches, tokens, frequencies, choosers, cancelled);
            }
            long time = System.nanoTime() - start;
            for (int i = 0; i < sequences.size(); i++) {
                sequences.get(i).decodeNanos += time;
                sequences.get(i).choose();
            }
        }

        private void stepApart() {
            for (int i = 0; i < sequences.size(); i++) {
                Sequence s = sequences.get(i);
                if (s.frequenciesChange()) {
                    s.prefill();
                    frequencies.set(i, s.frequencies);
                } else {
                    runner.decode(
                            List.of(caches.get(i)),
                            new int[] {tokens[i]},
                            List.of(frequencies.get(i)),
                            List.of(s.chooser),
                            cancelled);
                }
            }
        }
    }
}
