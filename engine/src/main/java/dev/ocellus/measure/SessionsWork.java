package dev.ocellus.measure;

import dev.ocellus.LoadedModel;
import dev.ocellus.device.ChromeTrace;
import dev.ocellus.generate.KvCache;
import dev.ocellus.generate.LanguageRunner;
import dev.ocellus.generate.Prompt;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Count;
import dev.ocellus.graph.Workload;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.model.StepCapacity;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Tokens decoded by several sessions at once, each in a thread of its own as in a server, which
 * share steps as they come. Their prompts are computed before the clock starts.
 */
final class SessionsWork implements Work {
    private final LanguageRunner runner;
    private final List<KvCache> caches = new ArrayList<>();
    private final Prompt prompt;
    private final int newTokens;
    private final RopeFrequencies frequencies;
    private final ExecutorService threads;

    SessionsWork(LoadedModel model, int sessions, int promptTokens, int newTokens) {
        runner = model.runner();
        this.newTokens = newTokens;
        int vocabulary = (int) runner.model().config().vocabSize();
        prompt = Prompt.of(new Random(promptTokens).ints(promptTokens, 0, vocabulary).toArray());
        frequencies = runner.model().config().frequencies(promptTokens, promptTokens + newTokens);
        threads = Executors.newFixedThreadPool(sessions, Thread.ofPlatform().daemon().factory());
        for (int i = 0; i < sessions; i++) {
            caches.add(new KvCache(model.pages()));
        }
    }

    private void prefill(KvCache cache) {
        cache.close();
        runner.prefill(
                cache,
                prompt,
                0,
                prompt.length(),
                frequencies,
                (row, logits, hidden) -> {},
                () -> false,
                done -> {});
    }

    @Override
    public double run() {
        caches.forEach(this::prefill);
        List<Callable<Void>> sessions = new ArrayList<>();
        caches.forEach(cache -> sessions.add(() -> decode(cache)));
        long start = System.nanoTime();
        try {
            for (Future<Void> f : threads.invokeAll(sessions)) {
                f.get();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while sessions were decoding", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("a session failed: " + e.getCause().getMessage(), e);
        }
        return (System.nanoTime() - start) * 1e-9;
    }

    private Void decode(KvCache cache) {
        List<KvCache> one = List.of(cache);
        List<RopeFrequencies> rope = List.of(frequencies);
        int[] token = new int[1];
        for (int i = 0; i < newTokens; i++) {
            token[0] = prompt.ids()[i % prompt.length()];
            runner.decode(one, token, rope, (row, logits, hidden) -> {}, () -> false);
        }
        return null;
    }

    /** Operations and bytes if all steps are shared by all sessions. */
    @Override
    public Measured measured(double seconds) {
        Cost one = runner.plan(capacity()).costs(work()).stream().reduce(Cost.NONE, Cost::plus);
        Cost all =
                new Cost(
                        one.flops() * newTokens,
                        one.weightBytes() * newTokens,
                        one.activationBytes() * newTokens);
        return new Measured(
                "decode at " + prompt.length() + ", " + caches.size() + " sessions",
                (long) newTokens * caches.size(),
                "tokens",
                seconds,
                all);
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
        threads.shutdown();
        caches.forEach(KvCache::close);
    }
}
