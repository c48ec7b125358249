package dev.ocellus.verify;

import dev.ocellus.chat.ChatFormats;
import dev.ocellus.device.PlanCache;
import dev.ocellus.device.WeightStore;
import dev.ocellus.generate.Prompt;
import dev.ocellus.generate.VisionRunner;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.tokenizer.Tokenizer;
import dev.ocellus.model.InternVl;
import dev.ocellus.model.Models;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Tensor;

import java.nio.file.Files;

/**
 * {@code vlm.forward} and {@code vlm.generate} on tensors: tiles and token ids with placeholders in
 * place.
 */
final class VisionLanguage {
    private static final long PLAN_BYTES = 1L << 30;

    private VisionLanguage() {}

    /** {@code vlm.forward}. */
    static final class Forward implements Verifier.Task {
        @Override
        public void run(
                Verifier.Context c,
                NamedTensors inputs,
                NamedTensors expected,
                NamedTensors outputs) {
            try (Checkpoint checkpoint = c.checkpoint();
                    WeightStore store = c.device().newWeightStore()) {
                InternVl model = Models.internVl(checkpoint);
                Tensor features = features(c, model, store, inputs, outputs);
                Tensor ids = inputs.get("input_ids");
                Tensor mask = inputs.has("attention_mask") ? inputs.get("attention_mask") : null;
                int[] rows = featureRows(ids, placeholder(c, checkpoint, model), features);
                LanguageForward.forward(
                        c,
                        model.language(),
                        store,
                        ids,
                        mask,
                        new LanguageForward.Visual(features, rows),
                        expected,
                        outputs);
            }
        }
    }

    /**
     * {@code vlm.generate}: on tensors, or end to end when the case has image files and a prompt.
     */
    static final class Generate implements Verifier.Task {
        @Override
        public void run(
                Verifier.Context c,
                NamedTensors inputs,
                NamedTensors expected,
                NamedTensors outputs) {
            if (!inputs.has("input_ids")) {
                ChatGenerate.run(c, outputs);
                return;
            }
            try (Checkpoint checkpoint = c.checkpoint();
                    WeightStore store = c.device().newWeightStore()) {
                InternVl model = Models.internVl(checkpoint);
                Tensor features = features(c, model, store, inputs, outputs);
                int[] rows =
                        featureRows(
                                inputs.get("input_ids"),
                                placeholder(c, checkpoint, model),
                                features);
                outputs.makeIds(
                        "generated_ids",
                        LanguageGenerate.generate(
                                c,
                                model.language(),
                                store,
                                prompt(inputs.get("input_ids"), rows, features)));
            }
        }
    }

    private static Tensor features(
            Verifier.Context c,
            InternVl model,
            WeightStore store,
            NamedTensors inputs,
            NamedTensors outputs) {
        Tensor pixels = inputs.get("pixel_values");
        int tiles = (int) pixels.shape().dim(0);
        int height = (int) pixels.shape().dim(2);
        int width = (int) pixels.shape().dim(3);
        Tensor features =
                outputs.make(
                        "image_features",
                        DType.F32,
                        tiles,
                        model.config().tokensPerTile(height, width),
                        model.config().language().hiddenSize());
        try (PlanCache plans = new PlanCache(c.device(), store, PLAN_BYTES)) {
            new VisionRunner(model, c.device(), new PlanOptions(c.compute()), plans)
                    .encode(
                            pixels.segment(),
                            tiles,
                            height,
                            width,
                            features.segment(),
                            () -> false,
                            done -> {});
        }
        return features;
    }

    private static int placeholder(Verifier.Context c, Checkpoint checkpoint, InternVl model) {
        if (c.parityCase().arguments().has("image_token_id")) {
            return c.parityCase().arguments().getInt("image_token_id");
        }
        if (model.config().imageTokenId() >= 0) {
            return (int) model.config().imageTokenId();
        }
        String token = ChatFormats.placeholder(checkpoint);
        if (!Files.exists(checkpoint.folder().resolve("tokenizer_config.json"))) {
            throw new IllegalArgumentException(
                    "the case needs arguments.image_token_id: the checkpoint has no tokenizer");
        }
        return Tokenizer.load(checkpoint.folder()).id(token).orElseThrow();
    }

    /** For each token of the flattened ids the row of its feature, or -1. */
    private static int[] featureRows(Tensor ids, int placeholder, Tensor features) {
        long available = features.shape().dim(0) * features.shape().dim(1);
        int length = (int) ids.shape().dim(1);
        int[] rows = new int[(int) ids.shape().elements()];
        int next = 0;
        for (int i = 0; i < rows.length; i++) {
            rows[i] = ids.getLong(i / length, i % length) == placeholder ? next++ : -1;
        }
        if (next != available) {
            throw new IllegalArgumentException(
                    "input_ids hold "
                            + next
                            + " image placeholders for "
                            + available
                            + " visual tokens");
        }
        return rows;
    }

    private static Prompt prompt(Tensor ids, int[] rows, Tensor features) {
        int n = rows.length;
        int[] list = new int[n];
        long[] keys = new long[n];
        int[] imageOf = new int[n];
        for (int i = 0; i < n; i++) {
            list[i] = (int) ids.getLong(0, i);
            imageOf[i] = rows[i] < 0 ? -1 : 0;
            keys[i] = rows[i] < 0 ? list[i] : Long.MIN_VALUE | rows[i];
        }
        return new Prompt(list, keys, imageOf, rows, image -> features.segment());
    }
}
