package dev.ocellus.generate;

import static dev.ocellus.generate.TinyRunner.GO_ON;
import static dev.ocellus.generate.TinyRunner.join;
import static dev.ocellus.generate.TinyRunner.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Tensor;
import dev.ocellus.testing.TinyModel;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** However tokens get into a cache, the logits that follow are the same bits. */
class LanguageRunnerTest {
    private static final int LENGTH = 23;

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

    private static TinyRunner open(KernelProvider provider, TinyModel model) {
        return new TinyRunner(provider, FOLDERS.get(model));
    }

    private static TinyRunner open(TinyModel model) {
        return open(KernelProviders.get(), model);
    }

    @ParameterizedTest
    @MethodSource("models")
    void chunksMakeNoDifference(KernelProvider provider, TinyModel model) {
        try (TinyRunner t = open(provider, model)) {
            int[] ids = prompt(LENGTH, 1);
            RopeFrequencies f = t.frequencies(LENGTH);
            float[] whole = t.fresh(ids, f);
            for (int[] chunks : new int[][] {{1}, {1, 2}, {1, 4}, {1, 5, 7}, {1, 8, 32}}) {
                try (KvCache cache = t.cache()) {
                    assertThat(t.prefill(t.runner(chunks), cache, ids, f))
                            .as(Arrays.toString(chunks))
                            .containsExactly(whole);
                    assertThat(cache.length()).isEqualTo(LENGTH);
                    assertThat(t.pool.used()).isEqualTo(t.shape.pages(LENGTH));
                }
            }
            assertThat(t.pool.used()).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void smallerCachesComeClose(KernelProvider provider, TinyModel model) {
        Map<DType, Double> bounds = Map.of(DType.F16, 1e-2, DType.BF16, 5e-2, DType.Q8, 5e-2);
        int[] ids = prompt(LENGTH, 3);
        float[] exact;
        try (TinyRunner t = open(provider, model)) {
            exact = t.fresh(ids, t.frequencies(LENGTH));
        }
        bounds.forEach(
                (type, bound) -> {
                    try (TinyRunner t = new TinyRunner(provider, FOLDERS.get(model), 1000, type)) {
                        RopeFrequencies f = t.frequencies(LENGTH);
                        float[] whole = t.fresh(ids, f);
                        assertThat(distance(whole, exact)).as("%s", type).isBetween(1e-7, bound);
                        try (KvCache cache = t.cache()) {
                            assertThat(t.prefill(t.runner(1, 4), cache, ids, f))
                                    .as("%s in chunks", type)
                                    .containsExactly(whole);
                        }
                    }
                });
    }

    /** Relative, in the Euclidean norm. */
    private static double distance(float[] a, float[] b) {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < b.length; i++) {
            difference += Math.pow(a[i] - b[i], 2);
            norm += Math.pow(b[i], 2);
        }
        return Math.sqrt(difference / norm);
    }

    @ParameterizedTest
    @MethodSource("models")
    void decodingEqualsALongerPrompt(KernelProvider provider, TinyModel model) {
        try (TinyRunner t = open(provider, model);
                KvCache cache = t.cache()) {
            int[] ids = prompt(LENGTH, 2);
            RopeFrequencies f = t.frequencies(LENGTH);
            t.prefill(t.runner(), cache, Arrays.copyOf(ids, 9), f);
            for (int n = 9; n < LENGTH; n++) {
                float[] got =
                        TinyRunner.decode(t.runner(), List.of(cache), new int[] {ids[n]}, f, GO_ON)
                                .getFirst();
                assertThat(got)
                        .as("token %d", n)
                        .containsExactly(t.fresh(Arrays.copyOf(ids, n + 1), f));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void companyMakesNoDifference(KernelProvider provider, TinyModel model) {
        try (TinyRunner t = open(provider, model)) {
            int[] lengths = {3, 12, 7, 9, 1};
            RopeFrequencies f = t.frequencies(1);
            List<KvCache> caches = new ArrayList<>();
            int[] tokens = new int[lengths.length];
            List<float[]> alone = new ArrayList<>();
            for (int i = 0; i < lengths.length; i++) {
                int[] ids = prompt(lengths[i] + 1, i);
                caches.add(t.cache());
                tokens[i] = ids[lengths[i]];
                t.prefill(t.runner(), caches.getLast(), Arrays.copyOf(ids, lengths[i]), f);
                alone.add(t.fresh(ids, f));
            }
            List<float[]> together = TinyRunner.decode(t.runner(), caches, tokens, f, GO_ON);
            for (int i = 0; i < lengths.length; i++) {
                assertThat(together.get(i)).as("sequence %d", i).containsExactly(alone.get(i));
                assertThat(caches.get(i).length()).isEqualTo(lengths[i] + 1);
                caches.get(i).close();
            }
            assertThat(t.pool.used()).isZero();
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void aSharedBeginningIsKept(KernelProvider provider, TinyModel model) {
        try (TinyRunner t = open(provider, model);
                KvCache cache = t.cache()) {
            int[] first = prompt(18, 3);
            RopeFrequencies f = t.frequencies(18);
            t.prefill(t.runner(), cache, first, f);
            int[] second = join(Arrays.copyOf(first, 10), prompt(7, 4));
            assertThat(t.prefill(t.runner(), cache, second, f)).containsExactly(t.fresh(second, f));
            int[] shorter = Arrays.copyOf(second, 5);
            assertThat(t.prefill(t.runner(), cache, shorter, f))
                    .containsExactly(t.fresh(shorter, f));
            assertThat(t.pool.used()).isEqualTo(t.shape.pages(5));
        }
    }

    @Test
    void otherFrequenciesDropTheCachedKeys() {
        try (TinyRunner t = open(TinyModel.PHI3);
                KvCache cache = t.cache()) {
            int[] ids = prompt(22, 5);
            t.prefill(t.runner(), cache, Arrays.copyOf(ids, 18), t.frequencies(18));
            RopeFrequencies longer = t.frequencies(22);
            assertThat(longer).isNotEqualTo(t.frequencies(18));
            cache.frequencies(longer);
            assertThat(cache.length()).isZero();
            assertThat(t.pool.used()).isZero();
            assertThat(t.prefill(t.runner(), cache, ids, longer))
                    .containsExactly(t.fresh(ids, longer));
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void embeddingsEqualTheTokensTheyAreOf(KernelProvider provider, TinyModel model) {
        try (TinyRunner t = open(provider, model);
                KvCache cache = t.cache();
                Arena arena = Arena.ofShared()) {
            int[] ids = prompt(LENGTH, 6);
            RopeFrequencies f = t.frequencies(LENGTH);
            MemorySegment table = embeddings(t, arena);
            int[] imageOf = new int[LENGTH];
            long[] keys = new long[LENGTH];
            for (int i = 0; i < LENGTH; i++) {
                imageOf[i] = i >= 2 && i < 15 || i == LENGTH - 1 ? i % 2 : -1;
                keys[i] = 1000 + i;
            }
            int[] hiddenIds = ids.clone();
            for (int i = 0; i < LENGTH; i++) {
                hiddenIds[i] = imageOf[i] < 0 ? ids[i] : -99;
            }
            Prompt visual = new Prompt(hiddenIds, keys, imageOf, ids, image -> table);
            for (int[] chunks : new int[][] {{1, 4}, {1}, {1, 32}}) {
                cache.truncate(0);
                assertThat(TinyRunner.prefill(t.runner(chunks), cache, visual, f, GO_ON))
                        .containsExactly(t.fresh(ids, f));
            }
        }
    }

    /** The embedding table as float32. */
    private static MemorySegment embeddings(TinyRunner t, Arena arena) {
        StoredTensor stored = t.checkpoint.weights().get("model.embed_tokens.weight");
        MemorySegment raw = arena.allocate(stored.byteSize(), 4);
        stored.copyTo(0, raw);
        var tensor = Tensor.of(stored.dtype(), stored.shape(), raw);
        MemorySegment table = arena.allocate(stored.elements() * 4, 4);
        for (int r = 0; r < TinyModel.VOCABULARY; r++) {
            for (int c = 0; c < TinyModel.HIDDEN; c++) {
                table.setAtIndex(
                        ValueLayout.JAVA_FLOAT,
                        (long) r * TinyModel.HIDDEN + c,
                        (float) tensor.getDouble(r, c));
            }
        }
        return table;
    }

    /** Says yes at the n-th question. */
    private static final class CancelAt implements BooleanSupplier {
        private final AtomicInteger left;

        CancelAt(int n) {
            left = new AtomicInteger(n);
        }

        @Override
        public boolean getAsBoolean() {
            return left.decrementAndGet() == 0;
        }
    }

    @ParameterizedTest
    @MethodSource("models")
    void aCancelledTokenLeavesNoTrace(KernelProvider provider, TinyModel model) {
        try (TinyRunner t = open(provider, model);
                KvCache cache = t.cache();
                KvCache other = t.cache()) {
            int[] ids = prompt(17, 7);
            RopeFrequencies f = t.frequencies(17);
            int[] start = Arrays.copyOf(ids, 16);
            t.prefill(t.runner(), cache, start, f);
            t.prefill(t.runner(), other, Arrays.copyOf(ids, 5), f);
            long used = t.pool.used();
            for (int n = 1; n < 16; n += 2) {
                CancelAt cancel = new CancelAt(n);
                int[] tokens = {ids[16], 3};
                assertThatThrownBy(
                                () ->
                                        TinyRunner.decode(
                                                t.runner(),
                                                List.of(cache, other),
                                                tokens,
                                                f,
                                                cancel))
                        .isInstanceOf(CancellationException.class);
                assertThat(cache.length()).isEqualTo(16);
                assertThat(other.length()).isEqualTo(5);
                assertThat(t.pool.used()).isEqualTo(used);
            }
            assertThat(t.prefill(t.runner(), cache, ids, f)).containsExactly(t.fresh(ids, f));
        }
    }

    @Test
    void aCancelledPromptKeepsWholeChunks() {
        try (TinyRunner t = open(TinyModel.QWEN2);
                KvCache cache = t.cache()) {
            int[] ids = prompt(LENGTH, 8);
            RopeFrequencies f = t.frequencies(LENGTH);
            LanguageRunner runner = t.runner(1, 8);
            int steps = runner.plan(runner.capacity(8, 1, false)).fusedNodes().size();
            for (int n = 1; n < 3 * steps; n += 7) {
                cache.truncate(0);
                CancelAt cancel = new CancelAt(n);
                assertThatThrownBy(
                                () -> TinyRunner.prefill(runner, cache, Prompt.of(ids), f, cancel))
                        .isInstanceOf(CancellationException.class);
                assertThat(cache.length()).isEqualTo((n - 1) / steps * 8);
                assertThat(t.pool.used()).isEqualTo(t.shape.pages(cache.length()));
                assertThat(t.prefill(runner, cache, ids, f)).containsExactly(t.fresh(ids, f));
            }
        }
    }

    @Test
    void aFullPoolLeaksNoPages() {
        Path folder = FOLDERS.get(TinyModel.QWEN2);
        try (TinyRunner t = new TinyRunner(KernelProviders.get(), folder, 4)) {
            RopeFrequencies f = t.frequencies(1);
            KvCache first = t.cache();
            KvCache second = t.cache();
            t.prefill(t.runner(), first, prompt(8, 1), f);
            t.prefill(t.runner(), second, prompt(3, 2), f);
            assertThat(t.pool.used()).isEqualTo(3);
            assertThatThrownBy(() -> t.prefill(t.runner(1, 4), second, prompt(12, 3), f))
                    .isInstanceOf(CacheFullException.class)
                    .hasMessageContaining("4 pages of 4 tokens");
            assertThat(second.length()).isEqualTo(8);
            assertThat(t.pool.used()).isEqualTo(4);
            // A step of both needs two pages and there is none: neither changes.
            int[] tokens = {1, 2};
            assertThatThrownBy(
                            () ->
                                    TinyRunner.decode(
                                            t.runner(), List.of(second, first), tokens, f, GO_ON))
                    .isInstanceOf(CacheFullException.class);
            assertThat(first.length()).isEqualTo(8);
            assertThat(second.length()).isEqualTo(8);
            second.truncate(4);
            // The first takes the last page and gives it back when the second finds none.
            assertThatThrownBy(
                            () ->
                                    TinyRunner.decode(
                                            t.runner(), List.of(first, second), tokens, f, GO_ON))
                    .isInstanceOf(CacheFullException.class);
            assertThat(first.length()).isEqualTo(8);
            assertThat(t.pool.used()).isEqualTo(3);
            first.close();
            second.close();
            assertThat(t.pool.used()).isZero();
            assertThat(t.pool.bytes()).isEqualTo(4 * t.shape.pageBytes());
        }
    }

    @Test
    void tokensOutsideTheVocabularyAreRefused() {
        try (TinyRunner t = open(TinyModel.LLAMA);
                KvCache cache = t.cache()) {
            RopeFrequencies f = t.frequencies(1);
            for (int id : new int[] {-1, TinyModel.VOCABULARY}) {
                assertThatThrownBy(() -> t.prefill(t.runner(), cache, new int[] {1, id}, f))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("token id " + id + " is outside the model's vocabulary of 50");
                int[] token = {id};
                assertThatThrownBy(
                                () ->
                                        TinyRunner.decode(
                                                t.runner(), List.of(cache), token, f, GO_ON))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThat(cache.length()).isZero();
                assertThat(t.pool.used()).isZero();
            }
        }
    }

    @Test
    void sequencesLongerThanStepsHoldAreRefused() {
        try (TinyRunner t = open(TinyModel.LLAMA);
                KvCache cache = t.cache()) {
            RopeFrequencies f = t.frequencies(1);
            int[] ids = prompt(TinyRunner.CONTEXT + 1, 1);
            assertThatThrownBy(() -> t.prefill(t.runner(1, 16), cache, ids, f))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("65 tokens is longer than the 64");
            assertThat(cache.length()).isEqualTo(64);
        }
    }

    @Test
    void stepsShareAFewPlans() {
        try (TinyRunner t = open(TinyModel.QWEN2)) {
            LanguageRunner r = t.runner(1, 8, 32);
            assertThat(r.capacity(1, 1, false).embeddings()).isFalse();
            assertThat(r.capacity(1, 1, true).embeddings()).isTrue();
            assertThat(r.capacity(2, 1, false)).isEqualTo(r.capacity(8, 1, true));
            assertThat(r.capacity(9, 1, false).tokens()).isEqualTo(32);
            assertThat(r.capacity(3, 3, false)).isEqualTo(r.capacity(4, 4, false));
            assertThat(r.capacity(2, 2, false).sequences()).isEqualTo(2);
            assertThatThrownBy(() -> r.capacity(1 << 20, 1 << 20, false))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }
}
