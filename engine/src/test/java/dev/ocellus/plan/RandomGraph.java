package dev.ocellus.plan;

import dev.ocellus.graph.CacheShape;
import dev.ocellus.graph.CacheState;
import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.Activation;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.SafetensorsWriter;
import dev.ocellus.testing.TestTensors;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Graphs of all operations, wired by chance with a bias to what planners fuse. The same seed gives
 * the same nodes, whatever is marked as output.
 */
final class RandomGraph {
    static final Count ROWS = new Count("rows", 6);
    static final Count IMAGES = new Count("images", 3);
    static final CacheShape CACHE = new CacheShape(12, 1, 4, 4, DType.F32);
    static final int SEQUENCES = 2;
    static final int MAX_PAGES = 2;

    private static final int[] WIDTHS = {4, 8, 20};
    private static final DType[] TYPES = {DType.F32, DType.BF16, DType.F16};

    private final TestTensors weights;
    private final Random random;
    private final Graph graph;
    private final List<Value> rows = new ArrayList<>();
    private final List<Value> segments = new ArrayList<>();
    private final Value table;
    private final Value index;
    private final CacheState cache;
    private int layer;

    private RandomGraph(TestTensors weights, long seed) {
        this.weights = weights;
        random = new Random(seed);
        graph = new Graph("random " + seed);
        Value ids = graph.input("ids", DType.I32, ROWS, 6);
        Value sequence = graph.input("sequence", DType.I32, ROWS, 6);
        Value slot = graph.input("slot", DType.I32, ROWS, 6);
        index = graph.input("index", DType.I32, ROWS, 6);
        Value pages = graph.input("pages", DType.I64, null, SEQUENCES, MAX_PAGES);
        cache = new CacheState(CACHE, sequence, slot, pages);
        Value inverse = graph.input("inverse", DType.F32, null, SEQUENCES, 2);
        Value scale = graph.input("scale", DType.F32, null, SEQUENCES);
        table = graph.ropeTable(slot, sequence, inverse, scale);
        for (int w : WIDTHS) {
            rows.add(graph.input("x" + w, DType.F32, ROWS, 6, w));
        }
        rows.add(graph.embedding(ids, matrix(20, 8), random.nextBoolean()));
        Value pixels = graph.input("pixels", DType.F32, IMAGES, 3, 1, 2, 4);
        segments.add(graph.patchify(pixels, 2));
        segments.add(graph.input("z8", DType.F32, IMAGES, 3, 2, 8));
    }

    /** Writes the weights that all graphs draw from. */
    static TestTensors weights(Path folder) {
        Random random = new Random(7);
        SafetensorsWriter w = new SafetensorsWriter();
        for (DType type : TYPES) {
            for (int n : WIDTHS) {
                for (int k : WIDTHS) {
                    for (int i = 0; i < 2; i++) {
                        w.random(name(type, n, k, i), type, random, 0, 1 / Math.sqrt(k), n, k);
                    }
                }
            }
        }
        for (int n : new int[] {2, 4, 8, 10, 20}) {
            w.random("v." + n, DType.F32, random, 0.8, 0.2, n);
        }
        w.random("positions", DType.F32, random, 0, 1, 5, 4);
        return new TestTensors(w.write(folder.resolve("random.safetensors")));
    }

    /**
     * @param outputs values to mark as outputs beside the last; {@link Integer#MAX_VALUE} marks all
     */
    static Graph make(TestTensors weights, long seed, int nodes, int outputs) {
        RandomGraph r = new RandomGraph(weights, seed);
        while (r.graph.nodes().size() < nodes) {
            r.step();
        }
        r.outputs(outputs);
        return r.graph;
    }

    static String label(Value v) {
        return "v" + v.node().id();
    }

    private void outputs(int some) {
        List<Value> all =
                graph.nodes().stream()
                        .filter(n -> n.value().dtype() == DType.F32)
                        .filter(n -> !(n.op() instanceof Op.KvAppend))
                        .filter(n -> some == Integer.MAX_VALUE || !(n.op() instanceof Op.Input))
                        .map(Node::value)
                        .toList();
        if (some == Integer.MAX_VALUE) {
            all.forEach(v -> graph.output(label(v), v));
            return;
        }
        graph.output(label(all.getLast()), all.getLast());
        for (int i = 0; i < some; i++) {
            Value v = pick(all);
            if (!graph.outputs().containsKey(label(v))) {
                graph.output(label(v), v);
            }
        }
    }

    private void step() {
        switch (random.nextInt(17)) {
            case 0, 1 -> siblings();
            case 2, 3 -> gated();
            case 4, 5, 6 -> chain();
            case 7 -> norm();
            case 8 -> sum();
            case 9 -> {
                List<Value> family = family();
                Value x = pick(family);
                family.add(graph.scale(x, vector(x.cols())));
            }
            case 10 -> {
                List<Value> family = family();
                family.add(graph.activate(pick(family), activation()));
            }
            case 11 -> {
                Value x = pick(rows);
                rows.add(graph.rope(x, table, x.cols() / 4));
            }
            case 12 -> pagedAttention();
            case 13 -> attention();
            case 14 -> select();
            case 15 -> tokens();
            default -> {
                List<Value> family = family();
                Value x = pick(family);
                family.add(graph.gatedActivate(x, like(family, x), activation()));
            }
        }
    }

    private void siblings() {
        List<Value> family = family();
        Value x = pick(family);
        DType type = type();
        boolean biased = random.nextBoolean();
        int count = 2 + random.nextInt(2);
        for (int i = 0; i < count; i++) {
            int n = width();
            family.add(graph.linear(x, matrix(type, n, x.cols()), biased ? vector(n) : null));
        }
    }

    private void gated() {
        List<Value> family = family();
        Value x = pick(family);
        int n = width();
        DType type = type();
        Weight bias = random.nextInt(4) == 0 ? vector(n) : null;
        Value gate = graph.linear(x, matrix(type, n, x.cols()), bias);
        Value up = graph.linear(x, matrix(type, n, x.cols()), null);
        maybeKeep(family, gate);
        family.add(graph.gatedActivate(gate, up, activation()));
    }

    private void chain() {
        List<Value> family = family();
        Value x = pick(family);
        int n = width();
        Value y = graph.linear(x, matrix(n, x.cols()), random.nextBoolean() ? vector(n) : null);
        maybeKeep(family, y);
        if (random.nextBoolean()) {
            y = graph.activate(y, activation());
            maybeKeep(family, y);
        }
        if (random.nextBoolean()) {
            y = graph.scale(y, vector(n));
            maybeKeep(family, y);
        }
        if (random.nextInt(3) > 0) {
            Value residual = random.nextInt(6) == 0 ? y : like(family, y);
            y = random.nextBoolean() ? graph.add(y, residual) : graph.add(residual, y);
        }
        family.add(y);
    }

    private void norm() {
        List<Value> family = family();
        Value x = pick(family);
        family.add(
                switch (random.nextInt(4)) {
                    case 0 -> graph.rmsNorm(x, vector(x.cols()), 1e-5);
                    case 1 -> graph.rmsNorm(x, vector(x.cols() / 2), 1e-5, 2);
                    case 2 -> graph.layerNorm(x, vector(x.cols()), null, 1e-5);
                    default -> graph.layerNorm(x, vector(x.cols()), vector(x.cols()), 1e-5);
                });
    }

    private void sum() {
        List<Value> family = family();
        Value x = pick(family);
        family.add(graph.add(x, random.nextInt(4) == 0 ? x : like(family, x)));
    }

    private void pagedAttention() {
        if (layer == CACHE.layers()) {
            return;
        }
        Value x = pick(rows);
        Value q = graph.linear(x, matrix(DType.F32, 8, x.cols()));
        Value k = graph.linear(x, matrix(DType.F32, 4, x.cols()));
        Value v = graph.linear(x, matrix(DType.F32, 4, x.cols()));
        if (random.nextBoolean()) {
            q = graph.rope(q, table, 2);
            k = graph.rope(k, table, 1);
        }
        maybeKeep(rows, k);
        Value appended = graph.kvAppend(k, v, cache, layer);
        rows.add(graph.pagedAttention(q, appended, cache, layer, 2, 0.5, 0));
        layer++;
    }

    private void attention() {
        Value q = pick(segments);
        Value k = like(segments, q);
        Value v = random.nextBoolean() ? k : like(segments, q);
        if (k.shape().equals(v.shape())) {
            segments.add(graph.attention(q, k, v, 2, 2, 0.5));
        }
    }

    private void select() {
        Value x = pick(rows);
        rows.add(
                random.nextBoolean()
                        ? graph.selectRows(x, index)
                        : graph.selectRows(x, like(rows, x), index));
    }

    /** A class token in front of two patches, and the way back. */
    private void tokens() {
        Value x = pick(segments);
        if (x.cols() == 4) {
            Value t = graph.assembleTokens(x, vector(4), weights.matrix("positions"), 1, 2);
            segments.add(graph.pixelUnshuffle(t, 1, 1, 2, 1, false));
        }
    }

    private void maybeKeep(List<Value> family, Value v) {
        if (random.nextInt(4) == 0) {
            family.add(v);
        }
    }

    private List<Value> family() {
        return random.nextInt(3) == 0 ? segments : rows;
    }

    private Value pick(List<Value> values) {
        return values.get(random.nextInt(values.size()));
    }

    /** A value of the same shape, perhaps the same one. */
    private Value like(List<Value> family, Value x) {
        List<Value> same = family.stream().filter(v -> v.shape().equals(x.shape())).toList();
        return same.isEmpty() ? x : pick(same);
    }

    private int width() {
        return WIDTHS[random.nextInt(WIDTHS.length)];
    }

    private DType type() {
        return TYPES[random.nextInt(TYPES.length)];
    }

    private Activation activation() {
        return random.nextBoolean() ? Activation.SILU : Activation.GELU;
    }

    private Weight matrix(long n, long k) {
        return matrix(type(), n, k);
    }

    private Weight matrix(DType type, long n, long k) {
        return weights.matrix(name(type, n, k, random.nextInt(2)));
    }

    private Weight vector(long n) {
        return weights.vector("v." + n);
    }

    private static String name(DType type, long n, long k, int i) {
        return "m.%s.%d.%d.%d".formatted(type, n, k, i);
    }
}
