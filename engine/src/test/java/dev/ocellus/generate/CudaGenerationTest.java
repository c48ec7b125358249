package dev.ocellus.generate;

import static dev.ocellus.generate.TinyRunner.CONTEXT;
import static dev.ocellus.generate.TinyRunner.GO_ON;
import static dev.ocellus.generate.TinyRunner.prompt;
import static dev.ocellus.generate.TinyRunner.request;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;

import dev.ocellus.device.CudaDevice;
import dev.ocellus.device.Executable;
import dev.ocellus.device.Profile;
import dev.ocellus.graph.Workload;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.TinyModel;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntPredicate;

/** Whole answers of a small model on a GPU. */
class CudaGenerationTest {
    private static final TinyModel MODEL = TinyModel.LLAMA;

    /**
     * Norm and q k v; rotation and cache; attention; output; norm, gate and up; down. Residuals are
     * added by the products before them.
     */
    private static final int LAUNCHES_OF_A_LAYER = 6;

    /** Embedding and angles; rows whose logits are wanted, norm, head, choice of the token. */
    private static final int OTHER_STEPS = 6;

    /** The choice takes three. */
    private static final int OTHER_LAUNCHES = OTHER_STEPS + 2;

    private static Path folder;

    @BeforeAll
    static void write(@TempDir Path temporary) {
        folder = MODEL.write(temporary);
    }

    @BeforeEach
    void require() {
        SoftGpu.require();
    }

    private static TinyRunner open(int pages) {
        return new TinyRunner(new CudaDevice(0), Checkpoint.open(folder), pages, DType.F32);
    }

    private static int[] onTheProcessor(int[] prompt, int tokens) {
        try (TinyRunner t = new TinyRunner(KernelProviders.get(), folder);
                KvCache cache = t.cache()) {
            return t.generate(cache, prompt, tokens).ids();
        }
    }

    @Test
    void answersAreThoseOfTheProcessor() {
        try (TinyRunner t = open(1000);
                KvCache cache = t.cache()) {
            int[] prompt = prompt(11, 3);
            assertThat(t.generate(cache, prompt, 20).ids()).isEqualTo(onTheProcessor(prompt, 20));
        }
    }

    /** Each thread gets the answer that it would get alone, from the same weights. */
    @Test
    void sessionsShareWeightsAndSteps() throws Exception {
        try (TinyRunner t = open(1000);
                ExecutorService threads = Executors.newFixedThreadPool(3)) {
            LanguageRunner runner = t.runner();
            long bytes = 0;
            List<Future<int[]>> answers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                int[] prompt = prompt(4 + 3 * i, i);
                answers.add(
                        threads.submit(
                                () -> {
                                    try (KvCache cache = t.cache()) {
                                        return new Generation(runner, CONTEXT, GO_ON)
                                                .run(List.of(request(cache, prompt, 12)))
                                                .getFirst()
                                                .ids();
                                    }
                                }));
                bytes = Math.max(bytes, t.store.bytes());
            }
            for (int i = 0; i < 3; i++) {
                assertThat(answers.get(i).get())
                        .isEqualTo(onTheProcessor(prompt(4 + 3 * i, i), 12));
            }
            long all = t.store.bytes();
            try (KvCache cache = t.cache()) {
                t.generate(cache, prompt(5, 9), 2);
            }
            assertThat(t.store.bytes()).isEqualTo(all);
        }
    }

    /** After some tokens a step is one graph and one wait; pages come from memory as they fill. */
    @Test
    void aTokenWaitsOnceAndAllocatesNothing() {
        SoftGpu.requireSoftware();
        List<SoftGpu.Counters> counters = new ArrayList<>();
        long layers;
        try (TinyRunner t = open(1000);
                KvCache cache = t.cache()) {
            layers = t.config.numHiddenLayers();
            cache.reserve(CONTEXT);
            generate(
                    t,
                    cache,
                    12,
                    id -> {
                        counters.add(SoftGpu.counters());
                        return true;
                    });
        }
        for (int i = 5; i < 12; i++) {
            SoftGpu.Counters token = counters.get(i).since(counters.get(i - 1));
            assertThat(token.waits()).isEqualTo(1);
            assertThat(token.graphLaunches()).isEqualTo(1);
            assertThat(token.launches()).isEqualTo(OTHER_LAUNCHES + layers * LAUNCHES_OF_A_LAYER);
            assertThat(token.allocations()).isZero();
            assertThat(token.frees()).isZero();
            assertThat(token.copiesIn()).isEqualTo(1);
            // The id.
            assertThat(token.bytesOut()).isEqualTo(Integer.BYTES);
        }
    }

    /** A kernel that does several steps has one row under all their names. */
    @Test
    void aProfileNamesAllThatAKernelDoes() {
        try (TinyRunner t = open(1000);
                KvCache cache = t.cache()) {
            LanguageRunner runner = t.runner();
            Executable step = runner.executable(runner.capacity(1, 1, false));
            step.profiling(true);
            new Generation(runner, CONTEXT, GO_ON).run(List.of(request(cache, prompt(5, 50), 3)));
            List<Profile.Row> rows = step.profile().rows(Workload.full(CONTEXT));
            long layers = t.config.numHiddenLayers();
            assertThat(rows).hasSize((int) (OTHER_STEPS + layers * LAUNCHES_OF_A_LAYER));
            assertThat(rows).allSatisfy(row -> assertThat(row.nanos()).isPositive());
            assertThat(rows.stream().map(Profile.Row::operations).skip(2).limit(6))
                    .containsExactly(
                            "RMS norm + 3 × linear",
                            "2 × rope + KV append",
                            "paged attention",
                            "linear + add",
                            "RMS norm + 2 × linear + gated silu",
                            "linear + add");
        }
    }

    @Test
    void aTokenAllocatesNothingOnTheHeap() {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long[] stamps = new long[48];
        int[] at = new int[1];
        try (TinyRunner t = open(1000);
                KvCache cache = t.cache()) {
            for (int warm = 0; warm < 20; warm++) {
                at[0] = 0;
                cache.truncate(0);
                generate(
                        t,
                        cache,
                        40,
                        id -> {
                            stamps[at[0]++] = threads.getCurrentThreadAllocatedBytes();
                            return true;
                        });
            }
        }
        long[] perToken = new long[30];
        for (int i = 0; i < perToken.length; i++) {
            perToken[i] = stamps[i + 8] - stamps[i + 7];
        }
        Arrays.sort(perToken);
        assertThat(perToken[perToken.length / 2]).isZero();
    }

    private static void generate(TinyRunner t, KvCache cache, int tokens, IntPredicate listener) {
        GenerationOptions options =
                GenerationOptions.DEFAULT
                        .withMaxNewTokens(tokens)
                        .withTemperature(1.1)
                        .withTopP(0.9)
                        .withRepetitionPenalty(1.1);
        var heard =
                new Generation.Request(
                        Prompt.of(prompt(5, 50)), cache, options, Set.of(), true, listener::test);
        new Generation(t.runner(), CONTEXT, GO_ON).run(List.of(heard));
    }

    @Test
    void aFullGpuIsAFullCache() {
        SoftGpu.requireSoftware();
        try (TinyRunner t = open(1 << 20);
                KvCache cache = t.cache();
                KvCache other = t.cache()) {
            t.generate(cache, prompt(3, 1), 2);
            CudaDevice gpu = (CudaDevice) t.device;
            long bytes = gpu.info().bytes();
            SoftGpu.deviceBytes(gpu.usedBytes());
            try {
                assertThatThrownBy(() -> other.reserve(CONTEXT))
                        .isInstanceOf(CacheFullException.class)
                        .hasMessageContainingAll("key/value cache", "are free");
            } finally {
                SoftGpu.deviceBytes(bytes);
            }
            assertThat(other.pageCount()).isZero();
            t.generate(other, prompt(3, 1), 2);
        }
    }
}
