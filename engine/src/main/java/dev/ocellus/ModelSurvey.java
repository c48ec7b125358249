package dev.ocellus;

import dev.ocellus.generate.PromptChunks;
import dev.ocellus.generate.VisionRunner;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.model.DecoderConfig;
import dev.ocellus.model.VisionConfig;
import dev.ocellus.plan.Packing;
import dev.ocellus.plan.Plan;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Makes the {@link ModelInfo} of a checkpoint from its plans. */
final class ModelSurvey {
    private final ModelPlans plans;
    private final Set<Packing> packings = new LinkedHashSet<>();

    ModelSurvey(ModelPlans plans) {
        this.plans = plans;
    }

    ModelInfo info() {
        Checkpoint checkpoint = plans.checkpoint();
        List<String> architectures = checkpoint.config().getStrings("architectures");
        return new ModelInfo(
                checkpoint.folder(),
                architectures.isEmpty()
                        ? checkpoint.config().getString("model_type", "unknown")
                        : architectures.getFirst(),
                parts(),
                checkpoint.parametersByDType(),
                checkpoint.byteSize(),
                capabilities(),
                plans.contextTokens(),
                plans.device().description(),
                plans.planOptions().compute(),
                memory());
    }

    private Set<Capability> capabilities() {
        Set<Capability> all = EnumSet.noneOf(Capability.class);
        if (plans.language() != null) {
            all.add(Capability.CHAT);
        }
        if (plans.internVl() != null) {
            all.add(Capability.IMAGE_INPUT);
            all.add(Capability.MULTIPLE_IMAGES);
        }
        return all;
    }

    private ModelInfo.Memory memory() {
        long decode = 0;
        long prompt = 0;
        long vision = 0;
        long features = 0;
        if (plans.language() != null) {
            decode = workspace(plans.decode(1));
            prompt = workspace(plans.prefill(PromptChunks.of(plans.device()).longest()));
        }
        if (plans.tower() != null) {
            vision = workspace(plans.vision(tilesTogether()));
        }
        if (plans.tiles() != null) {
            features = 4 * plans.tiles().tokensPerTile() * plans.language().config().hiddenSize();
        }
        CacheShape cache = plans.cacheShape();
        return new ModelInfo.Memory(
                packings.stream().mapToLong(Packing::bytes).sum(),
                decode,
                prompt,
                vision,
                features,
                cache == null ? 0 : cache.tokenBytes(),
                cache == null ? 0 : cache.pages(plans.contextTokens()) * cache.pageBytes(),
                cache == null ? null : cache.dtype());
    }

    /** Bytes of a plan's workspace; its weights are noted. */
    private long workspace(Plan plan) {
        packings.addAll(plan.packings());
        return plan.workspaceBytes();
    }

    private long tilesTogether() {
        if (plans.tiles() == null) {
            return 1;
        }
        int most = plans.tiles().maxTiles() + (plans.tiles().thumbnail() ? 1 : 0);
        return VisionRunner.batch(
                plans.internVl().config(),
                plans.device(),
                most,
                plans.tiles().height(),
                plans.tiles().width());
    }

    /** Tensors belong to a part by their names, which differ between the layouts. */
    private List<ModelInfo.Part> parts() {
        Map<String, Long> counts =
                plans.checkpoint().tensors().stream()
                        .collect(
                                Collectors.groupingBy(
                                        t -> part(t.name()),
                                        Collectors.summingLong(StoredTensor::elements)));
        List<ModelInfo.Part> parts = new ArrayList<>();
        if (plans.tower() != null) {
            parts.add(part("vision", shape(plans.tower().config()), counts));
        }
        if (plans.internVl() != null) {
            long block = plans.internVl().config().block();
            parts.add(part("projector", block * block + " patches to a token", counts));
        }
        if (plans.language() != null) {
            parts.add(part("language", shape(plans.language().config()), counts));
        }
        return parts;
    }

    private static ModelInfo.Part part(String name, String shape, Map<String, Long> counts) {
        return new ModelInfo.Part(name, shape, counts.getOrDefault(name, 0L));
    }

    private String part(String tensor) {
        if (plans.internVl() == null) {
            // A whole CLIP checkpoint has a text half as well, which is not run.
            return plans.language() != null
                    ? "language"
                    : tensor.startsWith("text_model.") ? "text" : "vision";
        }
        if (tensor.contains("vision_model.") || tensor.contains("vision_tower.")) {
            return "vision";
        }
        return tensor.startsWith("mlp1.") || tensor.contains("multi_modal_projector.")
                ? "projector"
                : "language";
    }

    private static String shape(VisionConfig c) {
        return "%s, %d layers of width %d, %d heads, patches of %d pixels"
                .formatted(
                        c.modelType(),
                        c.numHiddenLayers(),
                        c.hiddenSize(),
                        c.numAttentionHeads(),
                        c.patchSize());
    }

    private static String shape(DecoderConfig c) {
        return "%s, %d layers of width %d, %d heads over %d, vocabulary of %d"
                .formatted(
                        c.architecture(),
                        c.numHiddenLayers(),
                        c.hiddenSize(),
                        c.numAttentionHeads(),
                        c.numKeyValueHeads(),
                        c.vocabSize());
    }
}
