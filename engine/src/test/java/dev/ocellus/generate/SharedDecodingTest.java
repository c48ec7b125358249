package dev.ocellus.generate;

import static dev.ocellus.generate.TinyRunner.CONTEXT;
import static dev.ocellus.generate.TinyRunner.GO_ON;
import static dev.ocellus.generate.TinyRunner.join;
import static dev.ocellus.generate.TinyRunner.prompt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.testing.TinyModel;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Threads that decode at the same time share steps and notice nothing of each other. */
class SharedDecodingTest {
    private static final Map<TinyModel, Path> FOLDERS = new EnumMap<>(TinyModel.class);

    @BeforeAll
    static void write(@TempDir Path folder) {
        for (TinyModel m : TinyModel.values()) {
            FOLDERS.put(m, m.write(folder));
        }
    }

    static Stream<Arguments> models() {
        return KernelProviders.available().stream()
                .flatMap(p -> Stream.of(TinyModel.values()).map(m -> Arguments.of(p, m)));
    }

    private static TinyRunner open(int pages) {
        return new TinyRunner(KernelProviders.get(), FOLDERS.get(TinyModel.QWEN2), pages);
    }

    /** A session that decodes one token in a thread of its own. */
    private static final class Decoding implements LogitsSink {
        final KvCache cache;
        final int token;
        final CountDownLatch waits = new CountDownLatch(2);
        volatile boolean cancelled;
        CountDownLatch held = new CountDownLatch(0);
        final CountDownLatch stepped = new CountDownLatch(1);
        RuntimeException thrown;
        Thread steppedBy;
        float[] logits;
        Future<?> end;

        Decoding(TinyRunner t, int[] prompt, int token) {
            cache = t.cache();
            this.token = token;
            t.prefill(t.runner(), cache, prompt, t.frequencies(1));
        }

        /** Is asked once at the start and again only while it waits for others. */
        private boolean isCancelled() {
            waits.countDown();
            return cancelled;
        }

        @Override
        public void logits(MemorySegment values, MemorySegment hidden) {
            stepped.countDown();
            awaitLatch(held);
            if (thrown != null) {
                throw thrown;
            }
            steppedBy = Thread.currentThread();
            logits = values.toArray(ValueLayout.JAVA_FLOAT);
        }

        void start(ExecutorService threads, LanguageRunner runner, RopeFrequencies f) {
            end =
                    threads.submit(
                            () ->
                                    runner.decode(
                                            List.of(cache),
                                            new int[] {token},
                                            List.of(f),
                                            List.of(this),
                                            this::isCancelled));
        }

        Throwable failure() throws InterruptedException {
            try {
                end.get();
                return null;
            } catch (ExecutionException e) {
                return e.getCause();
            }
        }
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Starts the first, which stays in its step until the others wait for the next one. */
    private static void startTogether(
            ExecutorService threads, LanguageRunner runner, RopeFrequencies f, Decoding... all) {
        all[0].held = new CountDownLatch(1);
        all[0].start(threads, runner, f);
        awaitLatch(all[0].stepped);
        for (int i = 1; i < all.length; i++) {
            all[i].start(threads, runner, f);
            awaitLatch(all[i].waits);
        }
    }

    @Test
    void whoWaitsSharesAStep() throws InterruptedException {
        try (TinyRunner t = open(1000);
                ExecutorService threads = Executors.newCachedThreadPool()) {
            RopeFrequencies f = t.frequencies(1);
            Decoding[] all = new Decoding[4];
            for (int i = 0; i < all.length; i++) {
                all[i] = new Decoding(t, prompt(3 + 2 * i, i), i + 1);
            }
            startTogether(threads, t.runner(), f, all);
            all[0].held.countDown();
            for (int i = 0; i < all.length; i++) {
                assertThat(all[i].failure()).isNull();
                assertThat(all[i].logits)
                        .containsExactly(t.fresh(join(prompt(3 + 2 * i, i), i + 1), f));
            }
            assertThat(all[2].steppedBy).isSameAs(all[1].steppedBy);
            assertThat(all[3].steppedBy).isSameAs(all[1].steppedBy);
        }
    }

    @Test
    void failuresHitWhomTheyConcern() throws InterruptedException {
        try (TinyRunner t = open(7);
                ExecutorService threads = Executors.newCachedThreadPool()) {
            RopeFrequencies f = t.frequencies(1);
            Decoding first = new Decoding(t, prompt(2, 1), 1);
            Decoding badToken = new Decoding(t, prompt(2, 2), TinyModel.VOCABULARY);
            Decoding brokenSink = new Decoding(t, prompt(5, 3), 3);
            Decoding fullCache = new Decoding(t, prompt(8, 4), 4);
            Decoding fine = new Decoding(t, prompt(3, 5), 5);
            assertThat(t.pool.used()).isEqualTo(7);
            brokenSink.thrown = new IllegalStateException("sink");
            startTogether(threads, t.runner(), f, first, badToken, brokenSink, fullCache, fine);
            first.held.countDown();
            assertThat(first.failure()).isNull();
            assertThat(badToken.failure())
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("outside the model's vocabulary");
            assertThat(brokenSink.failure()).isSameAs(brokenSink.thrown);
            assertThat(fullCache.failure()).isInstanceOf(CacheFullException.class);
            assertThat(fine.failure()).isNull();
            assertThat(badToken.cache.length()).isEqualTo(2);
            assertThat(brokenSink.cache.length()).isEqualTo(5);
            assertThat(fullCache.cache.length()).isEqualTo(8);
            assertThat(fine.cache.length()).isEqualTo(4);
            assertThat(t.pool.used()).isEqualTo(7);
            fullCache.cache.close();
            assertThat(fine.logits).containsExactly(t.fresh(join(prompt(3, 5), 5), f));
        }
    }

    @Test
    void whoIsCancelledStopsWaiting() throws InterruptedException {
        try (TinyRunner t = open(1000);
                ExecutorService threads = Executors.newCachedThreadPool()) {
            RopeFrequencies f = t.frequencies(1);
            Decoding first = new Decoding(t, prompt(2, 1), 1);
            Decoding cancelled = new Decoding(t, prompt(2, 2), 2);
            Decoding other = new Decoding(t, prompt(3, 3), 3);
            startTogether(threads, t.runner(), f, first, cancelled, other);
            cancelled.cancelled = true;
            // The first is in its step still.
            assertThat(cancelled.failure()).isInstanceOf(CancellationException.class);
            assertThat(cancelled.cache.length()).isEqualTo(2);
            assertThat(cancelled.logits).isNull();
            first.held.countDown();
            assertThat(first.failure()).isNull();
            assertThat(other.failure()).isNull();
            assertThat(other.logits).containsExactly(t.fresh(join(prompt(3, 3), 3), f));
        }
    }

    @Test
    void aClosedModelFailsAllWhoWait() throws InterruptedException, ExecutionException {
        try (TinyRunner t = open(1000);
                ExecutorService threads = Executors.newCachedThreadPool()) {
            RopeFrequencies f = t.frequencies(1);
            Decoding[] all = new Decoding[3];
            for (int i = 0; i < all.length; i++) {
                all[i] = new Decoding(t, prompt(3, i), i + 1);
            }
            startTogether(threads, t.runner(), f, all);
            Future<?> closing = threads.submit(t.plans::close);
            all[0].held.countDown();
            // What is under way ends; whether the others still come in is a race, but an answer is
            // right and a failure is each one's own.
            assertThat(all[0].failure()).isNull();
            for (int i = 1; i < all.length; i++) {
                Throwable failure = all[i].failure();
                if (failure != null) {
                    assertThat(failure)
                            .isInstanceOf(IllegalStateException.class)
                            .hasMessageContaining("closed");
                    assertThat(all[i].cache.length()).isEqualTo(3);
                }
            }
            closing.get();
        }
    }

    @Test
    void promptsTakeShortChunksWhileOthersDecode() throws InterruptedException {
        try (TinyRunner t = open(1000);
                ExecutorService threads = Executors.newCachedThreadPool();
                KvCache cache = t.cache()) {
            RopeFrequencies f = t.frequencies(1);
            LanguageRunner runner = t.runner(1, 4, 16);
            int[] ids = prompt(20, 6);
            assertThat(chunks(runner, cache, ids, f)).containsExactly(16, 20);
            cache.truncate(0);
            Decoding other = new Decoding(t, prompt(2, 1), 1);
            startTogether(threads, runner, f, other);
            assertThat(chunks(runner, cache, ids, f)).containsExactly(4, 8, 12, 16, 20);
            other.held.countDown();
            assertThat(other.failure()).isNull();
        }
    }

    private static List<Integer> chunks(
            LanguageRunner runner, KvCache cache, int[] ids, RopeFrequencies f) {
        List<Integer> done = new ArrayList<>();
        runner.prefill(cache, Prompt.of(ids), 0, ids.length, f, RowSink.NOTHING, GO_ON, done::add);
        return done;
    }

    /** Greedy and sampled answers of different lengths, all at once and again and again. */
    @ParameterizedTest
    @MethodSource("models")
    void answersAreThoseThatEachGetsAlone(KernelProvider provider, TinyModel model)
            throws InterruptedException, ExecutionException {
        int sessions = 5;
        try (TinyRunner t = new TinyRunner(provider, FOLDERS.get(model));
                ExecutorService threads = Executors.newFixedThreadPool(sessions)) {
            LanguageRunner runner = t.runner();
            List<int[]> alone =
                    IntStream.range(0, sessions).mapToObj(s -> answer(t, runner, s, 24)).toList();
            // The last one is cancelled on the way.
            List<Future<int[]>> together = new ArrayList<>();
            for (int s = 0; s < sessions; s++) {
                int session = s;
                int cancelAfter = s == sessions - 1 ? 7 : 24;
                together.add(threads.submit(() -> answer(t, runner, session, cancelAfter)));
            }
            for (int s = 0; s < sessions - 1; s++) {
                assertThat(together.get(s).get()).as("session %d", s).containsExactly(alone.get(s));
            }
            assertThat(together.getLast().get()).containsExactly(Arrays.copyOf(alone.getLast(), 7));
            assertThat(t.pool.used()).isZero();
        }
    }

    private static int[] answer(TinyRunner t, LanguageRunner runner, int session, int cancelAfter) {
        int[] ids = prompt(2 + 5 * session, session);
        GenerationOptions greedy = GenerationOptions.DEFAULT.withMaxNewTokens(24 - session);
        GenerationOptions options =
                session % 2 == 0
                        ? greedy
                        : greedy.withTemperature(1.5).withTopK(0).withSeed(session);
        AtomicInteger tokens = new AtomicInteger();
        try (KvCache cache = t.cache()) {
            return new Generation(runner, CONTEXT, () -> tokens.get() >= cancelAfter)
                    .run(
                            List.of(
                                    new Generation.Request(
                                            Prompt.of(ids),
                                            cache,
                                            options,
                                            Set.of(),
                                            false,
                                            id -> tokens.incrementAndGet() > 0)))
                    .getFirst()
                    .ids();
        }
    }
}
