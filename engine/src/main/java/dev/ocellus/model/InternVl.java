package dev.ocellus.model;

import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.loader.Weights;
import dev.ocellus.tensor.DType;

import java.util.List;

/**
 * InternVL chat (Chen et al. 2024): tiles go through the vision tower; 2 x 2 neighbouring tokens
 * become one (pixel unshuffle); a two-layer MLP maps them to the language model's width, where they
 * take the places of the image placeholders.
 */
public final class InternVl {
    /** Count of tiles in a run of the vision graph. */
    public static final String TILES = "tiles";

    /** Epsilon of the projector's norm: the framework's default, not the tower's. */
    private static final double PROJECTOR_EPS = 1e-5;

    private final InternVlConfig config;
    private final InternVit tower;
    private final CausalLm language;
    private final Weights projector;

    InternVl(InternVlConfig config, InternVit tower, CausalLm language, Weights projector) {
        this.config = config;
        this.tower = tower;
        this.language = language;
        this.projector = projector;
    }

    public InternVlConfig config() {
        return config;
    }

    public InternVit tower() {
        return tower;
    }

    public CausalLm language() {
        return language;
    }

    /**
     * Tiles to visual tokens: input {@code pixel_values} float32 [tiles, 3, height, width], output
     * {@code image_features} [tiles, tokens, hidden].
     */
    public Graph visionGraph(long tiles, long height, long width) {
        Graph g = new Graph("vision " + tiles + " x " + height + " x " + width);
        VisionConfig v = config.vision();
        Count count = new Count(TILES, tiles);
        Value pixels =
                g.input("pixel_values", DType.F32, count, tiles, v.numChannels(), height, width);
        List<Value> states = tower.states(g, pixels, config.visionBlocks());
        Value x = states.getLast();
        if (config.selectLayer() == -1) {
            x = tower.lastHiddenState(g, x);
        }
        g.scope("projector");
        x =
                g.pixelUnshuffle(
                        x,
                        1,
                        height / v.patchSize(),
                        width / v.patchSize(),
                        config.block(),
                        config.transposedGrid());
        g.output("image_features", project(g, x));
        return g;
    }

    private Value project(Graph g, Value x) {
        String norm = config.transformersLayout() ? "layer_norm" : "0";
        String first = config.transformersLayout() ? "linear_1" : "1";
        String second = config.transformersLayout() ? "linear_2" : "3";
        long h = config.language().hiddenSize();
        x =
                g.layerNorm(
                        x,
                        CausalLm.vector(projector, norm + ".weight", x.cols()),
                        CausalLm.vector(projector, norm + ".bias", x.cols()),
                        PROJECTOR_EPS);
        x =
                g.activate(
                        Llama.projection(g, x, projector, first, h, true),
                        config.projectorHiddenAct());
        return Llama.projection(g, x, projector, second, h, true);
    }
}
