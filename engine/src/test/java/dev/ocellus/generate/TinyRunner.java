package dev.ocellus.generate;

import dev.ocellus.device.CpuDevice;
import dev.ocellus.device.Device;
import dev.ocellus.device.PlanCache;
import dev.ocellus.device.WeightStore;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.DecoderConfig;
import dev.ocellus.model.Models;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.TinyModel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.BooleanSupplier;

/** A small model ready to run: pages of four tokens, 64 tokens of context. */
final class TinyRunner implements AutoCloseable {
    static final int CONTEXT = 64;
    static final int PAGE_TOKENS = 4;
    static final BooleanSupplier GO_ON = () -> false;

    final Checkpoint checkpoint;
    final Device device;
    final WeightStore store;
    final PlanCache plans;
    final PagePool pool;
    final CausalLm model;
    final DecoderConfig config;
    final CacheShape shape;

    TinyRunner(KernelProvider provider, Path folder, int pages) {
        this(provider, folder, pages, DType.F32);
    }

    TinyRunner(KernelProvider provider, Path folder, int pages, DType cacheType) {
        this(provider, Checkpoint.open(folder), pages, cacheType);
    }

    /**
     * @param checkpoint is closed with this
     */
    TinyRunner(KernelProvider provider, Checkpoint checkpoint, int pages, DType cacheType) {
        this(new CpuDevice(provider, new WorkerPool(2)), checkpoint, pages, cacheType);
    }

    /**
     * @param device is closed with this, as is the checkpoint
     */
    TinyRunner(Device device, Checkpoint checkpoint, int pages, DType cacheType) {
        this.checkpoint = checkpoint;
        this.device = device;
        store = device.newWeightStore();
        plans = new PlanCache(device, store, 1L << 26);
        model = Models.language(checkpoint);
        config = model.config();
        shape = model.cacheShape(PAGE_TOKENS, cacheType);
        pool = new PagePool(device, shape, pages * shape.pageBytes());
    }

    TinyRunner(KernelProvider provider, Path folder) {
        this(provider, folder, 1000);
    }

    /** A runner whose prompts go through in chunks of these sizes. Has plans of its own kind. */
    LanguageRunner runner(int... chunks) {
        return new LanguageRunner(
                model,
                device,
                new PlanOptions(ComputeType.F32),
                plans,
                shape,
                CONTEXT,
                new PromptChunks(chunks));
    }

    LanguageRunner runner() {
        return runner(1, 8, 32);
    }

    KvCache cache() {
        return new KvCache(pool);
    }

    static int[] prompt(int length, long seed) {
        Random random = new Random(seed);
        return random.ints(length, 0, TinyModel.VOCABULARY).toArray();
    }

    RopeFrequencies frequencies(int length) {
        return config.frequencies(length, length);
    }

    /** Logits after the whole prompt; what the cache has of it is not computed again. */
    float[] prefill(LanguageRunner runner, KvCache cache, int[] ids, RopeFrequencies f) {
        return prefill(runner, cache, Prompt.of(ids), f, GO_ON);
    }

    static float[] prefill(
            LanguageRunner runner,
            KvCache cache,
            Prompt prompt,
            RopeFrequencies f,
            BooleanSupplier cancelled) {
        cache.frequencies(f);
        int keep = Math.min(cache.commonPrefix(prompt.keys()), prompt.length() - 1);
        cache.truncate(keep);
        Logits logits = new Logits();
        runner.prefill(cache, prompt, keep, prompt.length(), f, logits, cancelled, done -> {});
        return logits.rows.getFirst();
    }

    /** Logits of a new cache that is closed again. */
    float[] fresh(int[] ids, RopeFrequencies f) {
        try (KvCache cache = cache()) {
            return prefill(runner(1, 64), cache, ids, f);
        }
    }

    static List<float[]> decode(
            LanguageRunner runner,
            List<KvCache> caches,
            int[] tokens,
            RopeFrequencies f,
            BooleanSupplier cancelled) {
        Logits logits = new Logits();
        List<RopeFrequencies> all = caches.stream().map(c -> f).toList();
        runner.decode(caches, tokens, all, Collections.nCopies(caches.size(), logits), cancelled);
        return logits.rows;
    }

    /** Greedy continuation. */
    Generation.Result generate(KvCache cache, int[] ids, int tokens) {
        return new Generation(runner(), CONTEXT, GO_ON)
                .run(List.of(request(cache, ids, tokens)))
                .getFirst();
    }

    static Generation.Request request(KvCache cache, int[] ids, int tokens) {
        return new Generation.Request(
                Prompt.of(ids),
                cache,
                GenerationOptions.DEFAULT.withMaxNewTokens(tokens),
                Set.of(),
                false,
                id -> true);
    }

    static int[] join(int[] a, int... b) {
        int[] all = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, all, a.length, b.length);
        return all;
    }

    static int argmax(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    /** Copies of the logits that come. */
    static final class Logits implements LogitsSink {
        final List<float[]> rows = new ArrayList<>();

        @Override
        public void logits(MemorySegment logits, MemorySegment hidden) {
            rows.add(logits.toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    @Override
    public void close() {
        plans.close();
        pool.close();
        store.close();
        device.close();
        checkpoint.close();
    }
}
