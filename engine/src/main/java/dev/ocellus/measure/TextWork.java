package dev.ocellus.measure;

import dev.ocellus.LoadedModel;
import dev.ocellus.device.ChromeTrace;
import dev.ocellus.device.Executable;
import dev.ocellus.generate.KvCache;
import dev.ocellus.generate.LanguageRunner;
import dev.ocellus.generate.Prompt;
import dev.ocellus.generate.RowSink;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Count;
import dev.ocellus.graph.Workload;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.Plan;

import java.util.List;
import java.util.Random;

/**
 * A prompt of random tokens, and tokens decoded after it. Two pieces of work on one cache: {@link
 * #prefill} has to run before the first {@link #decode}. For one thread.
 */
public final class TextWork {
    private final LanguageRunner runner;
    private final KvCache cache;
    private final Prompt prompt;
    private final int newTokens;
    private final RopeFrequencies frequencies;

    /**
     * @param newTokens tokens of one decoding run
     * @throws IllegalArgumentException if prompt and new tokens do not fit the model's context
     */
    public TextWork(LoadedModel model, int promptTokens, int newTokens) {
        if (promptTokens + newTokens > model.contextTokens()) {
            throw new IllegalArgumentException(
                    "a prompt of %d tokens and %d more do not fit the context of %d"
                            .formatted(promptTokens, newTokens, model.contextTokens()));
        }
        runner = model.runner();
        cache = new KvCache(model.pages());
        this.newTokens = newTokens;
        int vocabulary = (int) runner.model().config().vocabSize();
        prompt = Prompt.of(new Random(promptTokens).ints(promptTokens, 0, vocabulary).toArray());
        frequencies = runner.model().config().frequencies(promptTokens, promptTokens + newTokens);
    }

    /** Appends the whole prompt to an empty cache. */
    public Work prefill() {
        return new Prefill();
    }

    /** Decodes the new tokens after the prompt. */
    public Work decode() {
        return new Decode();
    }

    private static Count tokens(StepCapacity c) {
        return new Count(CausalLm.TOKENS, c.tokens());
    }

    private static Cost cost(Plan plan, Workload work) {
        return plan.costs(work).stream().reduce(Cost.NONE, Cost::plus);
    }

    private final class Prefill implements Work {
        @Override
        public String name() {
            return "prefill " + prompt.length();
        }

        @Override
        public long units() {
            return prompt.length();
        }

        @Override
        public String unit() {
            return "tokens";
        }

        @Override
        public void run() {
            cache.truncate(0);
            runner.prefill(
                    cache,
                    prompt,
                    0,
                    prompt.length(),
                    frequencies,
                    RowSink.NOTHING,
                    () -> false,
                    done -> {});
        }

        @Override
        public Cost cost() {
            Cost sum = Cost.NONE;
            int end = 0;
            for (int rows : runner.chunks().cut(prompt.length())) {
                end += rows;
                StepCapacity c = runner.capacity(rows, 1, false);
                Workload work = Workload.full(end).with(tokens(c), rows);
                sum = sum.plus(TextWork.cost(runner.plan(c), work));
            }
            return sum;
        }

        /** The plan that most of the prompt goes through. */
        private StepCapacity capacity() {
            return runner.capacity(rows(), 1, false);
        }

        private int rows() {
            return runner.chunks().cut(prompt.length()).getFirst();
        }

        @Override
        public void profiling(boolean on) {
            runner.executable(capacity()).profiling(on);
        }

        @Override
        public ChromeTrace.Track track() {
            Executable e = runner.executable(capacity());
            Workload work = Workload.full(prompt.length()).with(tokens(capacity()), rows());
            return new ChromeTrace.Track(e.profile(), work);
        }

        @Override
        public void close() {
            cache.close();
        }
    }

    private final class Decode implements Work {
        private final StepCapacity capacity = runner.capacity(1, 1, false);
        private final Workload work = Workload.full(prompt.length() + newTokens / 2);
        private final List<KvCache> caches = List.of(cache);
        private final List<RopeFrequencies> rope = List.of(frequencies);
        private final List<RowSink> sinks = List.of(RowSink.NOTHING);
        private final int[] token = new int[1];

        @Override
        public String name() {
            return "decode at " + prompt.length();
        }

        @Override
        public long units() {
            return newTokens;
        }

        @Override
        public String unit() {
            return "tokens";
        }

        @Override
        public void run() {
            if (cache.length() < prompt.length()) {
                throw new IllegalStateException("decoding needs a prompt: run prefill first");
            }
            cache.truncate(prompt.length());
            for (int i = 0; i < newTokens; i++) {
                token[0] = prompt.ids()[i % prompt.length()];
                runner.decode(caches, token, rope, sinks, () -> false);
            }
        }

        @Override
        public Cost cost() {
            return TextWork.cost(runner.plan(capacity), work).times(newTokens);
        }

        @Override
        public void profiling(boolean on) {
            runner.executable(capacity).profiling(on);
        }

        @Override
        public ChromeTrace.Track track() {
            return new ChromeTrace.Track(runner.executable(capacity).profile(), work);
        }

        @Override
        public void close() {
            cache.close();
        }
    }
}
