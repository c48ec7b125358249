package dev.ocellus.measure;

import dev.ocellus.LoadedModel;
import dev.ocellus.device.ChromeTrace;
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

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/** Tokens decoded for several sessions at once: each step takes one token of every session. */
public final class SessionsWork implements Work {
    private final LanguageRunner runner;
    private final List<KvCache> caches;
    private final Prompt prompt;
    private final int newTokens;
    private final RopeFrequencies frequencies;
    private final List<RopeFrequencies> rope;
    private final List<RowSink> sinks;
    private final int[] tokens;

    /**
     * @param sessions that decode at once
     * @param promptTokens that each holds before
     * @param newTokens decoded for each in a run
     */
    public SessionsWork(LoadedModel model, int sessions, int promptTokens, int newTokens) {
        runner = model.runner();
        this.newTokens = newTokens;
        int vocabulary = (int) runner.model().config().vocabSize();
        prompt = Prompt.of(new Random(promptTokens).ints(promptTokens, 0, vocabulary).toArray());
        frequencies = runner.model().config().frequencies(promptTokens, promptTokens + newTokens);
        rope = Collections.nCopies(sessions, frequencies);
        sinks = Collections.nCopies(sessions, RowSink.NOTHING);
        tokens = new int[sessions];
        caches = Stream.generate(() -> new KvCache(model.pages())).limit(sessions).toList();
    }

    @Override
    public String name() {
        return "decode at " + prompt.length() + ", " + caches.size() + " sessions";
    }

    @Override
    public long units() {
        return (long) newTokens * caches.size();
    }

    @Override
    public String unit() {
        return "tokens";
    }

    @Override
    public void prepare() {
        for (KvCache cache : caches) {
            if (cache.length() < prompt.length()) {
                runner.prefill(
                        cache,
                        prompt,
                        cache.length(),
                        prompt.length(),
                        frequencies,
                        RowSink.NOTHING,
                        () -> false,
                        done -> {});
            }
        }
    }

    @Override
    public void run() {
        caches.forEach(cache -> cache.truncate(prompt.length()));
        for (int i = 0; i < newTokens; i++) {
            Arrays.fill(tokens, prompt.ids()[i % prompt.length()]);
            runner.decode(caches, tokens, rope, sinks, () -> false);
        }
    }

    @Override
    public Cost cost() {
        Cost step = runner.plan(capacity()).costs(work()).stream().reduce(Cost.NONE, Cost::plus);
        return step.times(newTokens);
    }

    private StepCapacity capacity() {
        return runner.capacity(caches.size(), caches.size(), false);
    }

    private Workload work() {
        int sessions = caches.size();
        return Workload.full(prompt.length() + newTokens / 2)
                .with(new Count(CausalLm.TOKENS, capacity().tokens()), sessions)
                .with(new Count(CausalLm.LOGITS, capacity().logits()), sessions);
    }

    @Override
    public void profiling(boolean on) {
        runner.executable(capacity()).profiling(on);
    }

    @Override
    public ChromeTrace.Track track() {
        return new ChromeTrace.Track(runner.executable(capacity()).profile(), work());
    }

    @Override
    public void close() {
        caches.forEach(KvCache::close);
    }
}
