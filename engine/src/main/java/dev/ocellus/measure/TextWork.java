package dev.ocellus.measure;

import dev.ocellus.LoadedModel;
import dev.ocellus.device.ChromeTrace;
import dev.ocellus.device.Executable;
import dev.ocellus.generate.KvCache;
import dev.ocellus.generate.LanguageRunner;
import dev.ocellus.generate.Prompt;
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
 * A prompt of random tokens, and tokens decoded after it. Two pieces of work: {@link #prefill} has
 * to run before {@link #decode} in each round.
 */
final class TextWork {
    private final LanguageRunner runner;
    private final KvCache cache;
    private final Prompt prompt;
    private final int newTokens;
    private final RopeFrequencies frequencies;

    TextWork(LoadedModel model, int promptTokens, int newTokens) {
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

    Work prefill() {
        return new Prefill();
    }

    Work decode() {
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
        public double run() {
            cache.close();
            long start = System.nanoTime();
            runner.prefill(
                    cache,
                    prompt,
                    0,
                    prompt.length(),
                    frequencies,
                    (row, logits, hidden) -> {},
                    () -> false,
                    done -> {});
            return (System.nanoTime() - start) * 1e-9;
        }

        @Override
        public Measured measured(double seconds) {
            Cost sum = Cost.NONE;
            for (int at = 0; at < prompt.length(); at += LanguageRunner.LONGEST_CHUNK) {
                int rows = Math.min(LanguageRunner.LONGEST_CHUNK, prompt.length() - at);
                StepCapacity c = runner.capacity(rows, 1, false);
                Workload work = Workload.full(at + rows).with(tokens(c), rows);
                sum = sum.plus(cost(runner.plan(c), work));
            }
            return new Measured(
                    "prefill " + prompt.length(), prompt.length(), "tokens", seconds, sum);
        }

        /** The plan that most of the prompt goes through. */
        private StepCapacity capacity() {
            return runner.capacity(rows(), 1, false);
        }

        private int rows() {
            return Math.min(LanguageRunner.LONGEST_CHUNK, prompt.length());
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

        @Override
        public double run() {
            List<KvCache> caches = List.of(cache);
            List<RopeFrequencies> rope = List.of(frequencies);
            long start = System.nanoTime();
            for (int i = 0; i < newTokens; i++) {
                int[] token = {prompt.ids()[i % prompt.length()]};
                runner.decode(caches, token, rope, (row, logits, hidden) -> {}, () -> false);
            }
            return (System.nanoTime() - start) * 1e-9;
        }

        @Override
        public Measured measured(double seconds) {
            Cost one = cost(runner.plan(capacity), work);
            Cost all =
                    new Cost(
                            one.flops() * newTokens,
                            one.weightBytes() * newTokens,
                            one.activationBytes() * newTokens);
            return new Measured("decode at " + prompt.length(), newTokens, "tokens", seconds, all);
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
