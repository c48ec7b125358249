package dev.ocellus.generate;

import static dev.ocellus.generate.TinyRunner.CONTEXT;
import static dev.ocellus.generate.TinyRunner.GO_ON;
import static dev.ocellus.generate.TinyRunner.join;
import static dev.ocellus.generate.TinyRunner.prompt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ocellus.device.CudaDevice;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.TinyModel;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** The tokens that a GPU chooses at the end of its steps are those of the processor. */
class GpuChoiceTest {
    private static final TinyModel MODEL = TinyModel.values()[0];

    private static final List<GenerationOptions> OPTIONS =
            List.of(
                    options(12),
                    options(9).withRepetitionPenalty(1.3),
                    options(18).withRepetitionPenalty(0.7),
                    options(14).withTemperature(1.4).withSeed(3),
                    options(1).withTemperature(2).withSeed(3),
                    options(16).withTemperature(0.9).withTopK(7).withSeed(-5),
                    options(7).withTemperature(1.1).withTopP(0.8).withSeed(1L << 40),
                    options(13).withTemperature(1.7).withMinP(0.1).withSeed(9),
                    options(15)
                            .withTemperature(1.2)
                            .withTopK(20)
                            .withTopP(0.95)
                            .withMinP(0.01)
                            .withRepetitionPenalty(1.2)
                            .withSeed(77));

    private static Path folder;
    private static TinyRunner processor;
    private static TinyRunner gpu;

    @BeforeAll
    static void open(@TempDir Path temporary) {
        SoftGpu.require();
        folder = MODEL.write(temporary);
        processor = new TinyRunner(KernelProviders.get(), folder);
        gpu = new TinyRunner(new CudaDevice(0), Checkpoint.open(folder), 1000, DType.F32);
    }

    @AfterAll
    static void close() {
        if (gpu != null) {
            gpu.close();
        }
        if (processor != null) {
            processor.close();
        }
    }

    private static GenerationOptions options(int tokens) {
        return GenerationOptions.DEFAULT.withMaxNewTokens(tokens);
    }

    /** Every other one counts the prompt's tokens. */
    private static Generation.Request request(KvCache cache, int i, Generation.TokenListener l) {
        return new Generation.Request(
                Prompt.of(prompt(3 + 2 * i, i)), cache, OPTIONS.get(i), Set.of(), i % 2 == 1, l);
    }

    private static int[] alone(TinyRunner t, int i) {
        try (KvCache cache = t.cache()) {
            return new Generation(t.runner(), CONTEXT, GO_ON)
                    .run(List.of(request(cache, i, id -> true)))
                    .getFirst()
                    .ids();
        }
    }

    @Test
    void answersAreTheSameWhateverTheOptions() {
        for (int i = 0; i < OPTIONS.size(); i++) {
            int[] expected = alone(processor, i);
            assertThat(expected).hasSize(OPTIONS.get(i).maxNewTokens());
            assertThat(alone(gpu, i)).as("%s", OPTIONS.get(i)).isEqualTo(expected);
        }
    }

    /** Answers of other lengths and options in the same steps. */
    @Test
    void aBatchMixesOptions() {
        List<KvCache> caches = OPTIONS.stream().map(o -> gpu.cache()).toList();
        List<Generation.Request> requests = new ArrayList<>();
        for (int i = 0; i < OPTIONS.size(); i++) {
            requests.add(request(caches.get(i), i, id -> true));
        }
        List<Generation.Result> results =
                new Generation(gpu.runner(), CONTEXT, GO_ON).run(requests);
        for (int i = 0; i < OPTIONS.size(); i++) {
            assertThat(results.get(i).ids()).as("answer %d", i).isEqualTo(alone(processor, i));
            caches.get(i).close();
        }
    }

    /** Sessions come and go while others decode; one is cancelled and asks again. */
    @Test
    void sessionsJoinAndLeave() throws InterruptedException, ExecutionException {
        LanguageRunner runner = gpu.runner();
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            List<Future<int[]>> answers = new ArrayList<>();
            for (int i = 0; i < OPTIONS.size(); i++) {
                int session = i;
                answers.add(threads.submit(() -> cancelledThenWhole(runner, session)));
            }
            for (int i = 0; i < OPTIONS.size(); i++) {
                assertThat(answers.get(i).get()).as("session %d", i).isEqualTo(alone(processor, i));
            }
        }
        assertThat(gpu.pool.used()).isZero();
    }

    private static int[] cancelledThenWhole(LanguageRunner runner, int session) {
        try (KvCache cache = gpu.cache()) {
            AtomicInteger tokens = new AtomicInteger();
            Generation.Result cancelled =
                    new Generation(runner, CONTEXT, () -> tokens.get() >= 4)
                            .run(
                                    List.of(
                                            request(
                                                    cache,
                                                    session,
                                                    id -> tokens.incrementAndGet() > 0)))
                            .getFirst();
            int[] whole =
                    new Generation(runner, CONTEXT, GO_ON)
                            .run(List.of(request(cache, session, id -> true)))
                            .getFirst()
                            .ids();
            assertThat(cancelled.ids()).isEqualTo(Arrays.copyOf(whole, cancelled.ids().length));
            return whole;
        }
    }

    /** Fails to take a token, as if its step had failed. */
    private record Broken(TokenChooser chooser) implements RowSink {
        @Override
        public void options(MemorySegment rows, int row) {
            chooser.options(rows, row);
        }

        @Override
        public void token(int id) {
            throw new IllegalStateException("broken");
        }
    }

    /** A token that nobody took is not held against it. */
    @Test
    void aStepThatFailedMakesNoDifference() {
        GenerationOptions options = options(8).withRepetitionPenalty(4);
        int[] expected = step(processor, options, false);
        assertThat(expected).doesNotHaveDuplicates();
        assertThat(step(gpu, options, false)).isEqualTo(expected);
        assertThat(step(gpu, options, true)).isEqualTo(expected);
    }

    private static int[] step(TinyRunner t, GenerationOptions options, boolean failing) {
        int[] ids = prompt(5, 8);
        int[] answer = new int[options.maxNewTokens()];
        LanguageRunner runner = t.runner();
        RopeFrequencies f = t.frequencies(ids.length);
        try (KvCache cache = t.cache();
                Arena arena = Arena.ofConfined()) {
            TokenChooser chooser = runner.chooser(options, ids, arena);
            runner.prefill(cache, Prompt.of(ids), 0, ids.length, f, chooser, GO_ON, done -> {});
            answer[0] = chooser.next();
            for (int i = 1; i < answer.length; i++) {
                int[] token = {answer[i - 1]};
                if (failing) {
                    int length = cache.length();
                    assertThatThrownBy(() -> decode(runner, cache, token, f, new Broken(chooser)))
                            .hasMessage("broken");
                    assertThat(cache.length()).isEqualTo(length);
                }
                decode(runner, cache, token, f, chooser);
                answer[i] = chooser.next();
            }
        }
        return answer;
    }

    private static void decode(
            LanguageRunner runner, KvCache cache, int[] token, RopeFrequencies f, RowSink sink) {
        runner.decode(List.of(cache), token, List.of(f), List.of(sink), GO_ON);
    }

    @Test
    void logitsComeBesideTokensToWhoAsks() {
        int[] ids = prompt(6, 2);
        RopeFrequencies f = gpu.frequencies(ids.length);
        LanguageRunner runner = gpu.runner();
        TinyRunner.Logits logits = new TinyRunner.Logits();
        try (KvCache asks = gpu.cache();
                KvCache chooses = gpu.cache();
                Arena arena = Arena.ofConfined()) {
            gpu.prefill(runner, asks, ids, f);
            gpu.prefill(runner, chooses, ids, f);
            int[] tokens = {7, 11};
            TokenChooser chooser = runner.chooser(options(2), new int[0], arena);
            runner.decode(
                    List.of(asks, chooses), tokens, List.of(f, f), List.of(logits, chooser), GO_ON);
            assertThat(logits.rows).hasSize(1);
            assertThat(logits.rows.getFirst())
                    .containsExactly(processor.fresh(join(ids, 7), f), within(1e-4f));
            assertThat(chooser.next())
                    .isEqualTo(TinyRunner.argmax(processor.fresh(join(ids, 11), f)));
        }
    }

    @Test
    void aModelWithoutNumbersIsAnError(@TempDir Path temporary) {
        Path broken = MODEL.writeBroken(temporary);
        String message = "the model gave no logit that is a number; its weights may be damaged";
        List<TinyRunner> runners =
                List.of(
                        new TinyRunner(KernelProviders.get(), broken),
                        new TinyRunner(new CudaDevice(0), Checkpoint.open(broken), 100, DType.F32));
        for (TinyRunner t : runners) {
            try (t;
                    KvCache cache = t.cache()) {
                assertThatThrownBy(() -> t.generate(cache, prompt(3, 1), 2))
                        .isInstanceOf(ArithmeticException.class)
                        .hasMessage(message);
            }
        }
    }
}
