package dev.ocellus;

import dev.ocellus.chat.TilePolicy;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.device.Device;
import dev.ocellus.device.PlanCache;
import dev.ocellus.device.WeightStore;
import dev.ocellus.generate.LanguageRunner;
import dev.ocellus.generate.VisionRunner;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.DecoderConfig;
import dev.ocellus.model.InternVl;
import dev.ocellus.model.InternVlConfigs;
import dev.ocellus.model.Models;
import dev.ocellus.model.VisionConfig;
import dev.ocellus.model.VisionConfigs;
import dev.ocellus.model.VisionTower;
import dev.ocellus.plan.Packing;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Makes the {@link ModelInfo} of a checkpoint: describes its model and plans it. */
final class ModelSurvey implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final OpenOptions options;
    private final boolean ownsDevice;
    private final Device device;
    private final PlanOptions planOptions;
    private final WeightStore store;
    private final PlanCache plans;

    ModelSurvey(Checkpoint checkpoint, OpenOptions options) {
        this.checkpoint = checkpoint;
        this.options = options;
        ownsDevice = options.device() == null;
        device = ownsDevice ? new CpuDevice() : options.device();
        planOptions = new PlanOptions(LoadedModel.compute(options.compute(), device));
        store = device.newWeightStore();
        plans = new PlanCache(device, store, 0);
    }

    ModelInfo info() {
        Json config = checkpoint.config();
        if (InternVlConfigs.matches(config)) {
            InternVl model = Models.internVl(checkpoint);
            return language(model.language(), model);
        }
        return VisionConfigs.matches(config)
                ? vision(Models.vision(checkpoint))
                : language(Models.language(checkpoint), null);
    }

    private ModelInfo language(CausalLm model, InternVl internVl) {
        DecoderConfig config = model.config();
        long context =
                options.contextTokens() == 0 ? config.contextLength() : options.contextTokens();
        DType cacheType = LoadedModel.cacheType(options, planOptions.compute());
        CacheShape cache = model.cacheShape(LoadedModel.PAGE_TOKENS, cacheType);
        LanguageRunner runner =
                new LanguageRunner(model, device, planOptions, plans, cache, context);
        Plan decode = runner.plan(runner.capacity(1, 1, false));
        Plan prompt = runner.plan(runner.capacity(LanguageRunner.LONGEST_CHUNK, 1, false));
        Set<Packing> packings = new LinkedHashSet<>(decode.packings());
        packings.addAll(prompt.packings());
        Set<Capability> capabilities = EnumSet.of(Capability.CHAT);
        long visionWorkspace = 0;
        long tileFeatures = 0;
        if (internVl != null) {
            capabilities.add(Capability.IMAGE_INPUT);
            capabilities.add(Capability.MULTIPLE_IMAGES);
            TilePolicy tiles =
                    TilePolicy.of(checkpoint, internVl.config(), options.maxTiles());
            long batch =
                    new VisionRunner(internVl, device, planOptions, plans)
                            .batch(
                                    tiles.maxTiles() + (tiles.thumbnail() ? 1 : 0),
                                    tiles.height(),
                                    tiles.width());
            Plan vision =
                    device.plan(
                            internVl.visionGraph(batch, tiles.height(), tiles.width()),
                            planOptions);
            packings.addAll(vision.packings());
            visionWorkspace = vision.workspaceBytes();
            tileFeatures = 4 * tiles.tokensPerTile() * config.hiddenSize();
        }
        return info(
                parts(internVl, config),
                capabilities,
                context,
                new ModelInfo.Memory(
                        packings.stream().mapToLong(Packing::bytes).sum(),
                        decode.workspaceBytes(),
                        prompt.workspaceBytes(),
                        visionWorkspace,
                        tileFeatures,
                        cache.tokenBytes(),
                        cache.pages(context) * cache.pageBytes(),
                        cacheType));
    }

    private ModelInfo vision(VisionTower tower) {
        VisionConfig c = tower.config();
        Graph g = new Graph("vision");
        Value pixels =
                g.input(
                        "pixel_values",
                        DType.F32,
                        null,
                        1,
                        c.numChannels(),
                        c.imageHeight(),
                        c.imageWidth());
        List<Value> states = tower.states(g, pixels, c.numHiddenLayers());
        g.output("last_hidden_state", tower.lastHiddenState(g, states.getLast()));
        Plan plan = device.plan(g, planOptions);
        return info(
                List.of(new ModelInfo.Part("vision", shape(c), checkpoint.parameterCount())),
                EnumSet.noneOf(Capability.class),
                0,
                new ModelInfo.Memory(
                        plan.weightBytes(), 0, 0, plan.workspaceBytes(), 0, 0, 0, null));
    }

    private ModelInfo info(
            List<ModelInfo.Part> parts,
            Set<Capability> capabilities,
            long context,
            ModelInfo.Memory memory) {
        Json config = checkpoint.config();
        List<String> architectures = config.getStrings("architectures");
        return new ModelInfo(
                checkpoint.folder(),
                architectures.isEmpty()
                        ? config.getString("model_type", "unknown")
                        : architectures.getFirst(),
                parts,
                checkpoint.parametersByDType(),
                checkpoint.byteSize(),
                capabilities,
                context,
                device.description(),
                planOptions.compute(),
                memory);
    }

    /** Tensors belong to a part by their names, which all layouts share so far. */
    private List<ModelInfo.Part> parts(InternVl internVl, DecoderConfig language) {
        Map<String, Long> counts = new LinkedHashMap<>();
        for (StoredTensor t : checkpoint.tensors()) {
            counts.merge(internVl == null ? "language" : part(t.name()), t.elements(), Long::sum);
        }
        List<ModelInfo.Part> parts = new ArrayList<>();
        if (internVl != null) {
            parts.add(
                    new ModelInfo.Part(
                            "vision",
                            shape(internVl.config().vision()),
                            counts.getOrDefault("vision", 0L)));
            parts.add(
                    new ModelInfo.Part(
                            "projector",
                            "%d x %d tokens to 1"
                                    .formatted(
                                            internVl.config().block(), internVl.config().block()),
                            counts.getOrDefault("projector", 0L)));
        }
        parts.add(
                new ModelInfo.Part(
                        "language", shape(language), counts.getOrDefault("language", 0L)));
        return parts;
    }

    private static String part(String tensor) {
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

    @Override
    public void close() {
        plans.close();
        store.close();
        if (ownsDevice) {
            device.close();
        }
    }
}
