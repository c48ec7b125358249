package dev.ocellus.measure;

import dev.ocellus.LoadedModel;
import dev.ocellus.Ocellus;
import dev.ocellus.generate.Generation;
import dev.ocellus.generate.GenerationOptions;
import dev.ocellus.generate.KvCache;
import dev.ocellus.generate.Prompt;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * How long sessions wait for their tokens while others come, go through their prompts, and end:
 * each session has a thread and begins when the one before has some of its tokens. Timed by the
 * wall, on the path that answers take. The model's other sessions should be idle.
 */
public final class LatencyBench {
    /**
     * One session's times in seconds.
     *
     * @param first from the beginning to the first token
     * @param median between two tokens
     * @param most what 95 % of the times between two tokens do not exceed
     * @param longest between two tokens
     */
    public record Times(double first, double median, double most, double longest) {
        /**
         * @param stamps when the session began and when each token came, in nanoseconds
         */
        static Times of(long[] stamps) {
            double[] gaps = new double[stamps.length - 2];
            for (int i = 0; i < gaps.length; i++) {
                gaps[i] = (stamps[i + 2] - stamps[i + 1]) * 1e-9;
            }
            Arrays.sort(gaps);
            int most = (int) Math.ceil(0.95 * gaps.length) - 1;
            return new Times(
                    (stamps[1] - stamps[0]) * 1e-9,
                    Medians.of(gaps),
                    gaps[most],
                    gaps[gaps.length - 1]);
        }
    }

    /**
     * @param alone a session by itself
     * @param together each of several, in the order in which they came
     */
    public record Report(int promptTokens, int newTokens, Times alone, List<Times> together) {
        public Report {
            together = List.copyOf(together);
        }
    }

    private final LoadedModel model;
    private final int promptTokens;
    private final int newTokens;

    private LatencyBench(LoadedModel model, int promptTokens, int newTokens) {
        this.model = model;
        this.promptTokens = promptTokens;
        this.newTokens = newTokens;
    }

    /**
     * Measures a session alone and then several together, after rounds of both that do not count.
     *
     * @param sessions that come one after the other, at least 1
     * @param promptTokens of each, all different
     * @param newTokens of each, at least 3
     * @throws IllegalArgumentException if prompt and answer do not fit the model's context, or
     *     there is too little to measure
     */
    public static Report run(Ocellus model, int sessions, int promptTokens, int newTokens) {
        if (sessions < 1 || promptTokens < 1 || newTokens < 3) {
            throw new IllegalArgumentException(
                    "waiting times take a session, a prompt and three new tokens at least");
        }
        LatencyBench bench = new LatencyBench(model.model(), promptTokens, newTokens);
        bench.together(1);
        bench.together(sessions);
        Times alone = bench.together(1).getFirst();
        return new Report(promptTokens, newTokens, alone, bench.together(sessions));
    }

    private List<Times> together(int sessions) {
        List<CountDownLatch> begins = new ArrayList<>();
        for (int i = 0; i <= sessions; i++) {
            // Of tokens of the session before: so the last one comes while the first still answers.
            begins.add(new CountDownLatch(i == 0 ? 0 : Math.ceilDiv(newTokens, sessions + 1)));
        }
        List<Future<Times>> all = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(sessions)) {
            for (int i = 0; i < sessions; i++) {
                int session = i;
                all.add(
                        threads.submit(
                                () ->
                                        answer(
                                                session,
                                                begins.get(session),
                                                begins.get(session + 1))));
            }
        }
        return all.stream().map(LatencyBench::get).toList();
    }

    private static Times get(Future<Times> session) {
        try {
            return session.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException("a session failed", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while sessions were measured", e);
        }
    }

    /**
     * @param begin what is waited for before the prompt
     * @param next hears of each token
     */
    private Times answer(int session, CountDownLatch begin, CountDownLatch next)
            throws InterruptedException {
        int vocabulary = (int) model.runner().model().config().vocabSize();
        Prompt prompt = Prompt.of(new Random(session).ints(promptTokens, 0, vocabulary).toArray());
        long[] stamps = new long[newTokens + 1];
        int[] tokens = new int[1];
        begin.await();
        try (KvCache cache = new KvCache(model.pages())) {
            var request =
                    new Generation.Request(
                            prompt,
                            cache,
                            GenerationOptions.DEFAULT.withMaxNewTokens(newTokens),
                            Set.of(),
                            false,
                            id -> {
                                stamps[++tokens[0]] = System.nanoTime();
                                next.countDown();
                                return true;
                            });
            stamps[0] = System.nanoTime();
            new Generation(model.runner(), model.contextTokens(), () -> false)
                    .run(List.of(request));
            return Times.of(stamps);
        } finally {
            while (next.getCount() > 0) {
                next.countDown();
            }
        }
    }
}
