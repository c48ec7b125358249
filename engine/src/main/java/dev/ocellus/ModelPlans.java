package dev.ocellus;

import dev.ocellus.chat.TilePolicy;
import dev.ocellus.device.Device;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.CheckpointException;
import dev.ocellus.loader.config.Json;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.InternVl;
import dev.ocellus.model.InternVlConfigs;
import dev.ocellus.model.Models;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.model.VisionConfig;
import dev.ocellus.model.VisionConfigs;
import dev.ocellus.model.VisionTower;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import java.nio.file.Path;
import java.util.List;

/**
 * The plans of a checkpoint, for looking at them: made from its config and its tensors' names and
 * shapes, without reading weights or taking memory, whatever the model's size. Close it to close
 * the checkpoint's files.
 */
public final class ModelPlans implements AutoCloseable {
    private final Checkpoint checkpoint;
    private final boolean ownsDevice;
    private final Device device;
    private final PlanOptions planOptions;
    private final InternVl internVl;
    private final CausalLm language;
    private final VisionTower tower;
    private final TilePolicy tiles;
    private final long contextTokens;
    private final CacheShape cacheShape;

    private ModelPlans(Checkpoint checkpoint, OpenOptions options) {
        this.checkpoint = checkpoint;
        Json config = checkpoint.config();
        internVl = InternVlConfigs.matches(config) ? Models.internVl(checkpoint) : null;
        if (internVl != null) {
            language = internVl.language();
            tower = internVl.tower();
            tiles = TilePolicy.of(checkpoint, internVl.config(), options.maxTiles());
        } else {
            boolean vision = VisionConfigs.matches(config);
            language = vision ? null : Models.language(checkpoint);
            tower = vision ? Models.vision(checkpoint) : null;
            tiles = null;
        }
        ownsDevice = options.device() == null;
        device = ownsDevice ? options.deviceChoice().open() : options.device();
        planOptions = new PlanOptions(LoadedModel.compute(options.compute(), device));
        if (language == null) {
            contextTokens = 0;
            cacheShape = null;
        } else {
            contextTokens =
                    options.contextTokens() == 0
                            ? language.config().contextLength()
                            : options.contextTokens();
            cacheShape =
                    language.cacheShape(
                            LoadedModel.PAGE_TOKENS,
                            LoadedModel.cacheType(options, planOptions.compute()));
        }
    }

    /**
     * @param folder of an InternVL chat model, a language model or a vision tower
     * @throws CheckpointException if the folder holds no model that is known here, or a broken one
     */
    public static ModelPlans open(Path folder, OpenOptions options) {
        Checkpoint checkpoint = Checkpoint.open(folder, options.weightTypes());
        try {
            return new ModelPlans(checkpoint, options);
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    public Device device() {
        return device;
    }

    public PlanOptions planOptions() {
        return planOptions;
    }

    /** The InternVL model, or null for a language model or a vision tower alone. */
    public InternVl internVl() {
        return internVl;
    }

    /** The language model, or null for a vision tower alone. */
    public CausalLm language() {
        return language;
    }

    /** The vision tower, or null for a language model alone. */
    public VisionTower tower() {
        return tower;
    }

    /** How images are cut, or null when the checkpoint is no InternVL model. */
    public TilePolicy tiles() {
        return tiles;
    }

    /** Longest conversation; 0 for a vision tower alone. */
    public long contextTokens() {
        return contextTokens;
    }

    /** Layout of the key/value cache; null for a vision tower alone. */
    public CacheShape cacheShape() {
        return cacheShape;
    }

    /**
     * The plan that encodes images.
     *
     * @param images tiles, or whole images where there are no tiles
     * @throws CheckpointException if the model has no vision tower
     */
    public Plan vision(long images) {
        if (tower == null) {
            throw new CheckpointException(
                    checkpoint.folder() + ": is a language model, it has no vision tower");
        }
        return device.plan(
                internVl == null
                        ? towerGraph(images)
                        : internVl.visionGraph(images, tiles.height(), tiles.width()),
                planOptions);
    }

    private Graph towerGraph(long images) {
        VisionConfig c = tower.config();
        Graph g = new Graph("vision " + images);
        Value pixels =
                g.input(
                        "pixel_values",
                        DType.F32,
                        null,
                        images,
                        c.numChannels(),
                        c.imageHeight(),
                        c.imageWidth());
        List<Value> states = tower.states(g, pixels, c.numHiddenLayers());
        g.output("last_hidden_state", tower.lastHiddenState(g, states.getLast()));
        return g;
    }

    /**
     * The plan that appends a piece of one sequence's prompt to the cache.
     *
     * @throws CheckpointException if the model has no language model
     */
    public Plan prefill(long tokens) {
        // Steps of prompts always have room for visual tokens.
        return step(tokens, 1, true);
    }

    /**
     * The plan that appends a token to each of several sequences.
     *
     * @throws CheckpointException if the model has no language model
     */
    public Plan decode(long sequences) {
        return step(sequences, sequences, false);
    }

    private Plan step(long tokens, long sequences, boolean embeddings) {
        if (language == null) {
            throw new CheckpointException(
                    checkpoint.folder() + ": is a vision tower, it has no language model");
        }
        StepCapacity capacity =
                new StepCapacity(
                        tokens,
                        sequences,
                        cacheShape.pages(contextTokens),
                        sequences,
                        embeddings,
                        false,
                        device.choosesTokens());
        return device.plan(language.stepGraph(capacity, cacheShape), planOptions);
    }

    @Override
    public void close() {
        if (ownsDevice) {
            device.close();
        }
        checkpoint.close();
    }
}
