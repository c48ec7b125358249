package dev.ocellus.verify;

import dev.ocellus.device.PlanCache;
import dev.ocellus.device.WeightStore;
import dev.ocellus.generate.Generation;
import dev.ocellus.generate.GenerationOptions;
import dev.ocellus.generate.KvCache;
import dev.ocellus.generate.LanguageRunner;
import dev.ocellus.generate.PagePool;
import dev.ocellus.generate.Prompt;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.config.Json;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.Models;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Tensor;

import java.util.HashSet;
import java.util.List;

/** {@code llm.generate}: greedy continuation of token ids. */
final class LanguageGenerate implements Verifier.Task {
    private static final long PLAN_BYTES = 1L << 30;
    private static final long CACHE_BYTES = 1L << 30;
    private static final int PAGE_TOKENS = 64;

    @Override
    public void run(
            Verifier.Context c, NamedTensors inputs, NamedTensors expected, NamedTensors outputs) {
        Tensor ids = inputs.get("input_ids");
        int[] prompt = new int[(int) ids.shape().dim(1)];
        for (int i = 0; i < prompt.length; i++) {
            prompt[i] = (int) ids.getLong(0, i);
        }
        try (Checkpoint checkpoint = c.checkpoint();
                WeightStore store = c.device().newWeightStore()) {
            CausalLm model = Models.language(checkpoint);
            outputs.makeIds("generated_ids", generate(c, model, store, Prompt.of(prompt)));
        }
    }

    static int[] generate(Verifier.Context c, CausalLm model, WeightStore store, Prompt prompt) {
        Json arguments = c.parityCase().arguments();
        PlanOptions options = new PlanOptions(c.compute());
        CacheShape shape = model.cacheShape(PAGE_TOKENS, DType.F32);
        int newTokens = arguments.getPositive("max_new_tokens");
        // References go on past the trained length.
        long context = Math.max(model.config().contextLength(), (long) prompt.length() + newTokens);
        try (PlanCache plans = new PlanCache(c.device(), store, PLAN_BYTES);
                PagePool pool = new PagePool(c.device(), shape, CACHE_BYTES);
                KvCache cache = new KvCache(pool)) {
            LanguageRunner runner =
                    new LanguageRunner(model, c.device(), options, plans, shape, context);
            var request =
                    new Generation.Request(
                            prompt,
                            cache,
                            GenerationOptions.DEFAULT.withMaxNewTokens(newTokens),
                            new HashSet<>(arguments.getInts("eos_token_id")),
                            false,
                            id -> true);
            return new Generation(runner, context, () -> false)
                    .run(List.of(request))
                    .getFirst()
                    .ids();
        }
    }
}
