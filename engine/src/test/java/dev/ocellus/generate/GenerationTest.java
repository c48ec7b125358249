package dev.ocellus.generate;

import static dev.ocellus.generate.TinyRunner.CONTEXT;
import static dev.ocellus.generate.TinyRunner.GO_ON;
import static dev.ocellus.generate.TinyRunner.argmax;
import static dev.ocellus.generate.TinyRunner.join;
import static dev.ocellus.generate.TinyRunner.prompt;
import static dev.ocellus.generate.TinyRunner.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.WeightTypes;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.TinyModel;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

class GenerationTest {
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

    private static TinyRunner open(TinyModel model) {
        return new TinyRunner(KernelProviders.get(), FOLDERS.get(model));
    }

    private static Generation.Request with(Generation.Request r, GenerationOptions options) {
        return new Generation.Request(
                r.prompt(), r.cache(), options, r.stopTokens(), r.penalisePrompt(), r.listener());
    }

    /** Generation passes the length at which all keys have to be rotated anew. */
    @ParameterizedTest
    @MethodSource("models")
    void everyTokenIsTheBestOfAFreshRun(KernelProvider provider, TinyModel model) {
        try (TinyRunner t = new TinyRunner(provider, FOLDERS.get(model));
                KvCache cache = t.cache()) {
            int[] ids = prompt(TinyModel.TRAINED - 4, 1);
            int tokens = 12;
            int[] made = t.generate(cache, ids, tokens).ids();
            assertThat(made).hasSize(tokens);
            for (int n = 0; n < tokens; n++) {
                int[] all = join(ids, Arrays.copyOf(made, n));
                RopeFrequencies f = t.config.frequencies(all.length, ids.length + tokens);
                assertThat(argmax(t.fresh(all, f))).as("token %d", n).isEqualTo(made[n]);
            }
            // The cache is that of a fresh run, to the bit.
            int length = ids.length + tokens;
            RopeFrequencies f = t.config.frequencies(length, length);
            assertThat(cache.length()).isEqualTo(length - 1);
            int[] last = {made[tokens - 1]};
            assertThat(TinyRunner.decode(t.runner(), List.of(cache), last, f, GO_ON).getFirst())
                    .containsExactly(t.fresh(join(ids, made), f));
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void promptsTogetherEqualEachAlone(KernelProvider provider, TinyModel model) {
        try (TinyRunner t = new TinyRunner(provider, FOLDERS.get(model))) {
            int[] lengths = {5, 18, 11};
            int[] tokens = {9, 6, 14};
            List<int[]> alone = new ArrayList<>();
            List<Generation.Request> requests = new ArrayList<>();
            for (int i = 0; i < lengths.length; i++) {
                int[] ids = prompt(lengths[i], 10 + i);
                try (KvCache cache = t.cache()) {
                    alone.add(t.generate(cache, ids, tokens[i]).ids());
                }
                requests.add(request(t.cache(), ids, tokens[i]));
            }
            List<Generation.Result> all = new Generation(t.runner(), CONTEXT, GO_ON).run(requests);
            for (int i = 0; i < lengths.length; i++) {
                assertThat(all.get(i).ids()).as("prompt %d", i).containsExactly(alone.get(i));
                assertThat(all.get(i).reason()).isEqualTo(FinishReason.MAX_TOKENS);
                assertThat(all.get(i).promptTokens()).isEqualTo(lengths[i]);
                requests.get(i).cache().close();
            }
            assertThat(t.pool.used()).isZero();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSecondTurnReusesTheFirst(TinyModel model) {
        try (TinyRunner t = open(model);
                KvCache cache = t.cache();
                KvCache other = t.cache()) {
            int[] ids = prompt(6, 20);
            Generation.Result first = t.generate(cache, ids, 5);
            assertThat(first.reusedTokens()).isZero();
            int[] second = join(join(ids, first.ids()), prompt(3, 21));
            Generation.Result again = t.generate(cache, second, 5);
            assertThat(again.reusedTokens()).isEqualTo(6 + 5 - 1);
            assertThat(again.ids()).containsExactly(t.generate(other, second, 5).ids());
        }
    }

    @ParameterizedTest
    @EnumSource
    void threadsDoNotDisturbEachOther(TinyModel model)
            throws ExecutionException, InterruptedException {
        try (TinyRunner t = open(model);
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<int[]> alone = new ArrayList<>();
            List<Future<int[]>> together = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                try (KvCache cache = t.cache()) {
                    alone.add(t.generate(cache, prompt(4 + 2 * i, i), 10).ids());
                }
            }
            for (int i = 0; i < 8; i++) {
                int[] ids = prompt(4 + 2 * i, i);
                together.add(
                        threads.submit(
                                () -> {
                                    try (KvCache cache = t.cache()) {
                                        return t.generate(cache, ids, 10).ids();
                                    }
                                }));
            }
            for (int i = 0; i < 8; i++) {
                assertThat(together.get(i).get()).containsExactly(alone.get(i));
            }
            assertThat(t.pool.used()).isZero();
        }
    }

    @Test
    void aPromptAsLongAsTheContextIsRefused() {
        try (TinyRunner t = open(TinyModel.QWEN2);
                KvCache cache = t.cache()) {
            Generation g = new Generation(t.runner(), 10, GO_ON);
            assertThatThrownBy(() -> g.run(List.of(request(cache, prompt(10, 1), 5))))
                    .isInstanceOfSatisfying(
                            ContextOverflowException.class,
                            e -> {
                                assertThat(e.promptTokens()).isEqualTo(10);
                                assertThat(e.contextTokens()).isEqualTo(10);
                            })
                    .hasMessageContaining("the prompt has 10 tokens")
                    .hasMessageContaining("context is 10");
            assertThatThrownBy(() -> g.run(List.of(request(cache, new int[0], 5))))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("the prompt is empty");
            Generation.Result r = g.run(List.of(request(cache, prompt(7, 1), 5))).getFirst();
            assertThat(r.ids()).hasSize(3);
            assertThat(r.reason()).isEqualTo(FinishReason.CONTEXT_FULL);
        }
    }

    @Test
    void stopTokensAndListenersEndAnAnswer() {
        try (TinyRunner t = open(TinyModel.LLAMA);
                KvCache cache = t.cache()) {
            int[] ids = prompt(5, 30);
            int[] made = t.generate(cache, ids, 8).ids();
            int stop = made[3];
            int at = 0;
            while (made[at] != stop) {
                at++;
            }
            Generation g = new Generation(t.runner(), CONTEXT, GO_ON);
            Generation.Request r = request(cache, ids, 8);
            List<Integer> heard = new ArrayList<>();
            var stopping =
                    new Generation.Request(
                            r.prompt(), cache, r.options(), Set.of(stop), false, heard::add);
            Generation.Result result = g.run(List.of(stopping)).getFirst();
            assertThat(result.reason()).isEqualTo(FinishReason.STOP_TOKEN);
            assertThat(result.ids()).containsExactly(Arrays.copyOf(made, at + 1));
            assertThat(heard).hasSize(at);

            var byOption = with(r, r.options().withStopTokens(List.of(stop)));
            assertThat(g.run(List.of(byOption)).getFirst().ids())
                    .containsExactly(Arrays.copyOf(made, at + 1));

            AtomicInteger left = new AtomicInteger(2);
            var listening =
                    new Generation.Request(
                            r.prompt(),
                            cache,
                            r.options(),
                            Set.of(),
                            false,
                            id -> left.decrementAndGet() > 0);
            result = g.run(List.of(listening)).getFirst();
            assertThat(result.reason()).isEqualTo(FinishReason.STOP_STRING);
            assertThat(result.ids()).containsExactly(Arrays.copyOf(made, 2));
        }
    }

    @Test
    void theRepetitionPenaltyCountsThePromptWhenAsked() {
        try (TinyRunner t = open(TinyModel.LLAMA);
                KvCache cache = t.cache()) {
            int[] ids = prompt(12, 31);
            int best = t.generate(cache, ids, 1).ids()[0];
            int[] naming = join(new int[] {best}, ids);
            int again = t.generate(cache, naming, 1).ids()[0];
            naming = join(new int[] {again}, naming);
            var options = GenerationOptions.DEFAULT.withMaxNewTokens(1).withRepetitionPenalty(1e6);
            Generation g = new Generation(t.runner(), CONTEXT, GO_ON);
            List<Integer> made = new ArrayList<>();
            for (boolean penalisePrompt : new boolean[] {false, true}) {
                var r =
                        new Generation.Request(
                                Prompt.of(naming),
                                cache,
                                options,
                                Set.of(),
                                penalisePrompt,
                                id -> true);
                made.add(g.run(List.of(r)).getFirst().ids()[0]);
            }
            assertThat(made.getFirst()).isEqualTo(t.generate(cache, naming, 1).ids()[0]);
            assertThat(naming).contains(made.getFirst()).doesNotContain(made.getLast());
        }
    }

    @Test
    void aCancelledAnswerSaysSo() {
        try (TinyRunner t = open(TinyModel.QWEN2);
                KvCache cache = t.cache();
                KvCache other = t.cache()) {
            int[] ids = prompt(9, 40);
            int[] whole = t.generate(other, ids, 20).ids();
            AtomicInteger asked = new AtomicInteger();
            Generation g = new Generation(t.runner(), CONTEXT, () -> asked.incrementAndGet() > 150);
            Generation.Result r = g.run(List.of(request(cache, ids, 20))).getFirst();
            assertThat(r.reason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(r.ids()).hasSizeBetween(1, 19);
            assertThat(whole).startsWith(r.ids());
            assertThat(t.generate(cache, ids, 20).ids()).containsExactly(whole);
        }
    }

    @Test
    void anAnswerThatFillsThePoolIsAnError() {
        Path folder = FOLDERS.get(TinyModel.LLAMA);
        try (TinyRunner t = new TinyRunner(KernelProviders.get(), folder, 3)) {
            try (KvCache cache = t.cache()) {
                assertThatThrownBy(() -> t.generate(cache, prompt(9, 1), 10))
                        .isInstanceOf(CacheFullException.class);
                assertThat(t.pool.used()).isEqualTo(3);
                assertThat(cache.length()).isEqualTo(12);
            }
            assertThat(t.pool.used()).isZero();
        }
    }

    @ParameterizedTest
    @CsvSource({"stored, F32", "Q8, BF16", "Q4, Q8"})
    void aDecodedTokenAllocatesNothing(String weights, DType cacheType) {
        WeightTypes types =
                weights.equals("stored")
                        ? WeightTypes.STORED
                        : WeightTypes.of(DType.valueOf(weights));
        Checkpoint checkpoint = Checkpoint.open(FOLDERS.get(TinyModel.QWEN2), types);
        try (TinyRunner t = new TinyRunner(KernelProviders.get(), checkpoint, 1000, cacheType);
                KvCache cache = t.cache()) {
            var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            Generation g = new Generation(t.runner(), CONTEXT, GO_ON);
            long[] stamps = new long[41];
            AtomicInteger at = new AtomicInteger();
            Generation.Request r = request(cache, prompt(5, 50), 40);
            var counting =
                    new Generation.Request(
                            r.prompt(),
                            cache,
                            r.options(),
                            Set.of(),
                            false,
                            id -> {
                                stamps[at.getAndIncrement()] =
                                        threads.getCurrentThreadAllocatedBytes();
                                return true;
                            });
            for (int warm = 0; warm < 60; warm++) {
                at.set(0);
                cache.truncate(0);
                g.run(List.of(counting));
            }
            long[] perToken = new long[30];
            for (int i = 0; i < perToken.length; i++) {
                perToken[i] = stamps[i + 8] - stamps[i + 7];
            }
            Arrays.sort(perToken);
            assertThat(perToken[perToken.length / 2]).isZero();
        }
    }
}
