package dev.ocellus.graph;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.SampleOptions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A forward pass as an append-only list of nodes. Model code calls the methods in the order of the
 * paper; each infers the shape of its result and refuses operands that don't fit, naming the
 * operation, the weight and the shapes.
 *
 * <p>Shapes are capacities. The leading dimension may have a run-time {@link Count}, which
 * operations on rows hand on. Not thread-safe while it is being built; read-only afterwards.
 */
public final class Graph {
    private final String name;
    private final OperandChecks checks;
    private final List<Node> nodes = new ArrayList<>();
    private final Map<String, Value> inputs = new LinkedHashMap<>();
    private final Map<String, Value> outputs = new LinkedHashMap<>();
    private final Set<String> optional = new HashSet<>();
    private String scope = "";

    public Graph(String name) {
        this.name = name;
        checks = new OperandChecks(name);
    }

    public String name() {
        return name;
    }

    public List<Node> nodes() {
        return Collections.unmodifiableList(nodes);
    }

    public Map<String, Value> inputs() {
        return Collections.unmodifiableMap(inputs);
    }

    public Map<String, Value> outputs() {
        return Collections.unmodifiableMap(outputs);
    }

    /** Names the place in the model that the following nodes belong to. */
    public void scope(String place) {
        scope = place;
        checks.scope(place);
    }

    /**
     * A tensor given from outside at each run.
     *
     * @param count how many leading entries hold data, or null when all do
     */
    public Value input(String label, DType dtype, Count count, long... dims) {
        Op op = new Op.Input(label);
        Shape shape = Shape.of(dims);
        checks.require(!inputs.containsKey(label), op, "there is an input of this name already");
        checks.require(
                shape.rank() > 0 && shape.elements() > 0,
                op,
                "shape " + shape + " has no dimensions or no elements");
        checks.require(
                count == null || count.capacity() == shape.dim(0),
                op,
                "shape " + shape + " does not fit " + count);
        Value v = append(op, List.of(), shape, dtype, count);
        inputs.put(label, v);
        return v;
    }

    /**
     * Marks a value as a result that comes to the host only in runs that ask for it, see {@link
     * dev.ocellus.device.Run#want}.
     */
    public void optionalOutput(String label, Value v) {
        output(label, v);
        optional.add(label);
    }

    /** Whether an output comes to the host on request only. */
    public boolean isOptional(String output) {
        return optional.contains(output);
    }

    /** Marks a value as a result that a caller may read after a run. */
    public void output(String label, Value v) {
        if (outputs.containsKey(label)) {
            throw new GraphException("graph " + name + " has two outputs named " + label);
        }
        if (v.node().op() instanceof Op.KvAppend) {
            throw new GraphException(
                    "graph " + name + ", output " + label + ": a cache state has no data to read");
        }
        outputs.put(label, v);
    }

    /**
     * @param tied whether the table is the output head's weight as well, so that one copy serves
     *     both
     */
    public Value embedding(Value ids, Weight table, boolean tied) {
        Op op = new Op.Embedding(table, tied);
        checks.require(
                ids.dtype() == DType.I32, op, "ids must be int32, not " + ids.dtype().lowerName());
        return append(op, List.of(ids), ids.shape().append(table.cols()), DType.F32, ids.count());
    }

    public Value linear(Value x, Weight weight) {
        return linear(x, weight, null);
    }

    /** x [.., k], weight [n, k], bias [n] or null: [.., n]. */
    public Value linear(Value x, Weight weight, Weight bias) {
        Op op = new Op.Linear(weight, bias);
        checks.rows(op, x);
        checks.require(
                x.cols() == weight.cols(),
                op,
                "weight " + weight + " does not fit input " + x.shape());
        if (bias != null) {
            checks.require(
                    bias.elements() == weight.rows(),
                    op,
                    "bias " + bias + " does not fit weight " + weight);
        }
        return append(op, List.of(x), x.shape().withLast(weight.rows()), DType.F32, x.count());
    }

    public Value rmsNorm(Value x, Weight weight, double eps) {
        return rmsNorm(x, weight, eps, 1);
    }

    /**
     * Normalises each of {@code groups} equal spans of a row; per-head norms have one group a head.
     */
    public Value rmsNorm(Value x, Weight weight, double eps, long groups) {
        Op op = new Op.RmsNorm(weight, eps, groups);
        checks.rows(op, x);
        checks.require(
                weight.elements() * groups == x.cols(),
                op,
                "weight " + weight + " in " + groups + " groups does not fit input " + x.shape());
        return append(op, List.of(x), x.shape(), DType.F32, x.count());
    }

    public Value layerNorm(Value x, Weight weight, Weight bias, double eps) {
        Op op = new Op.LayerNorm(weight, bias, eps);
        checks.rows(op, x);
        checks.require(
                weight.elements() == x.cols(),
                op,
                "weight " + weight + " does not fit input " + x.shape());
        checks.require(
                bias == null || bias.elements() == x.cols(),
                op,
                "bias " + bias + " does not fit input " + x.shape());
        return append(op, List.of(x), x.shape(), DType.F32, x.count());
    }

    public Value add(Value a, Value b) {
        Op op = new Op.Add();
        checks.rows(op, a, b);
        checks.require(
                a.shape().equals(b.shape()),
                op,
                "operands have shapes " + a.shape() + " and " + b.shape());
        return append(op, List.of(a, b), a.shape(), DType.F32, a.count());
    }

    /** Multiplies each column by a weight. */
    public Value scale(Value x, Weight weight) {
        Op op = new Op.Scale(weight);
        checks.rows(op, x);
        checks.require(
                weight.elements() == x.cols(),
                op,
                "weight " + weight + " does not fit input " + x.shape());
        return append(op, List.of(x), x.shape(), DType.F32, x.count());
    }

    public Value activate(Value x, Activation activation) {
        Op op = new Op.Activate(activation);
        checks.rows(op, x);
        return append(op, List.of(x), x.shape(), DType.F32, x.count());
    }

    /** {@code act(gate) * up}, the gated linear unit without its products. */
    public Value gatedActivate(Value gate, Value up, Activation activation) {
        Op op = new Op.GatedActivate(activation);
        checks.rows(op, gate, up);
        checks.require(
                gate.shape().equals(up.shape()),
                op,
                "gate and up have shapes " + gate.shape() + " and " + up.shape());
        return append(op, List.of(gate, up), gate.shape(), DType.F32, gate.count());
    }

    /** Cosines and sines for each row: [rows, 2 half]. */
    public Value ropeTable(Value position, Value sequence, Value invFreq, Value ropeScale) {
        long half = invFreq.cols();
        Op op = new Op.RopeTable(half);
        checks.index(op, "position", position, position.shape().elements());
        checks.index(op, "sequence", sequence, position.shape().elements());
        checks.require(
                invFreq.shape().rank() == 2
                        && ropeScale.shape().equals(Shape.of(invFreq.shape().dim(0))),
                op,
                "frequencies " + invFreq.shape() + " do not fit scales " + ropeScale.shape());
        checks.input(op, "frequencies", invFreq, DType.F32);
        checks.input(op, "scales", ropeScale, DType.F32);
        return append(
                op,
                List.of(position, sequence, invFreq, ropeScale),
                position.shape().append(2 * half),
                DType.F32,
                position.count());
    }

    /** Rotates the first {@code table.cols()} values of each head. */
    public Value rope(Value x, Value table, long heads) {
        long headDim = x.cols() / Math.max(heads, 1);
        Op op = new Op.Rope(heads, headDim, table.cols() / 2);
        checks.rows(op, x);
        checks.require(
                heads * headDim == x.cols(), op, heads + " heads do not divide input " + x.shape());
        checks.require(
                table.node().op() instanceof Op.RopeTable && table.rows() == x.rows(),
                op,
                table + " is no table of frequencies for input " + x.shape());
        checks.require(
                table.cols() <= headDim,
                op,
                "table " + table.shape() + " is wider than a head of " + headDim);
        return append(op, List.of(x, table), x.shape(), DType.F32, x.count());
    }

    /**
     * Appends keys and values of a layer to the paged cache; the result stands for the cache after
     * that.
     */
    public Value kvAppend(Value k, Value v, CacheState state, int layer) {
        Op op = new Op.KvAppend(layer, state.shape());
        long width = state.shape().kvHeads() * state.shape().headDim();
        checks.rows(op, k, v);
        checks.state(op, state, layer, k.rows());
        checks.require(
                k.cols() == width && v.shape().equals(k.shape()),
                op,
                "keys "
                        + k.shape()
                        + " and values "
                        + v.shape()
                        + " do not fit a cache of "
                        + width
                        + " values a token");
        return append(
                op,
                List.of(k, v, state.sequence(), state.slot(), state.pages()),
                k.shape(),
                DType.F32,
                k.count());
    }

    /**
     * Causal attention over the cache, of which {@code appended} is the newest state.
     *
     * @param window slots that a row attends to, its own the last one; 0 for all
     */
    public Value pagedAttention(
            Value q,
            Value appended,
            CacheState state,
            int layer,
            long heads,
            double scale,
            long window) {
        Op op = new Op.PagedAttention(layer, heads, state.shape(), scale, window);
        checks.require(window >= 0, op, "window " + window + " is negative");
        checks.rows(op, q);
        checks.state(op, state, layer, q.rows());
        checks.require(
                appended.node().op().equals(new Op.KvAppend(layer, state.shape())),
                op,
                appended + " is not the state of the cache after layer " + layer + " was appended");
        checks.require(
                q.cols() == heads * state.shape().headDim() && heads % state.shape().kvHeads() == 0,
                op,
                heads
                        + " query heads of input "
                        + q.shape()
                        + " do not fit the cache's "
                        + state.shape().kvHeads()
                        + " heads of "
                        + state.shape().headDim());
        return append(
                op,
                List.of(q, appended, state.sequence(), state.slot(), state.pages()),
                q.shape(),
                DType.F32,
                q.count());
    }

    /** Full attention of each segment of q [segments, length, width] with k and v. */
    public Value attention(Value q, Value k, Value v, long heads, long kvHeads, double scale) {
        long headDim = q.cols() / Math.max(heads, 1);
        Op op = new Op.Attention(heads, kvHeads, headDim, scale);
        checks.rows(op, q, k, v);
        checks.require(
                q.shape().rank() == 3
                        && heads * headDim == q.cols()
                        && kvHeads > 0
                        && heads % kvHeads == 0,
                op,
                heads + " heads over " + kvHeads + " do not fit queries " + q.shape());
        checks.require(
                k.shape().rank() == 3
                        && k.cols() == kvHeads * headDim
                        && k.shape().equals(v.shape())
                        && k.shape().dim(0) == q.shape().dim(0),
                op,
                "keys "
                        + k.shape()
                        + " and values "
                        + v.shape()
                        + " do not fit queries "
                        + q.shape());
        return append(op, List.of(q, k, v), q.shape(), DType.F32, q.count());
    }

    /** Row r of the result is {@code y[index[r]]}, or {@code x[r]} where the index is negative. */
    public Value selectRows(Value x, Value y, Value index) {
        Op op = new Op.SelectRows();
        checks.rows(op, x);
        checks.rows(op, y);
        checks.index(op, "index", index, index.shape().elements());
        checks.require(
                x.cols() == y.cols() && x.rows() == index.shape().elements(),
                op,
                "rows "
                        + x.shape()
                        + ", "
                        + y.shape()
                        + " and index "
                        + index.shape()
                        + " do not fit");
        return append(op, List.of(x, y, index), x.shape(), DType.F32, index.count());
    }

    /** Row r of the result is {@code y[index[r]]}. */
    public Value selectRows(Value y, Value index) {
        Op op = new Op.SelectRows();
        checks.rows(op, y);
        checks.index(op, "index", index, index.shape().elements());
        return append(
                op, List.of(y, index), index.shape().append(y.cols()), DType.F32, index.count());
    }

    /**
     * x [images, height, width, channels], weight [n, channels * taps] as stored (channel, ky, kx),
     * bias [n] or null: [images, out height, out width, n].
     */
    public Value conv2d(Value x, Weight weight, Weight bias, ConvWindow window) {
        Op op = new Op.Conv2d(weight, bias, window);
        Shape s = x.shape();
        checks.rows(op, x);
        checks.require(
                s.rank() == 4 && weight.cols() == s.dim(3) * window.taps(),
                op,
                "weight " + weight + " with " + window.taps() + " taps does not fit input " + s);
        checks.require(
                bias == null || bias.elements() == weight.rows(),
                op,
                "bias " + bias + " does not fit weight " + weight);
        long height = window.outHeight(s.dim(1));
        long width = window.outWidth(s.dim(2));
        checks.require(
                height > 0 && width > 0, op, "input " + s + " is smaller than the filter's window");
        return append(
                op,
                List.of(x),
                Shape.of(s.dim(0), height, width, weight.rows()),
                DType.F32,
                x.count());
    }

    /** Normalises groups of channels over all pixels of each image of x [images, .., channels]. */
    public Value groupNorm(Value x, Weight weight, Weight bias, long groups, double eps) {
        Op op = new Op.GroupNorm(weight, bias, groups, eps);
        checks.rows(op, x);
        checks.require(
                x.shape().rank() >= 3
                        && weight.elements() == x.cols()
                        && bias.elements() == x.cols(),
                op,
                "weight " + weight + " and bias " + bias + " do not fit input " + x.shape());
        checks.require(
                groups > 0 && x.cols() % groups == 0,
                op,
                groups + " groups do not divide the channels of input " + x.shape());
        return append(op, List.of(x), x.shape(), DType.F32, x.count());
    }

    /**
     * pixels [images, channels, height, width] to [images, gh * gw, channels * patch^2]. Pixels
     * beyond the last whole patch are left out, as by a convolution with that stride.
     */
    public Value patchify(Value pixels, long patch) {
        Op op = new Op.Patchify(patch);
        Shape s = pixels.shape();
        checks.input(op, "pixels", pixels, DType.F32);
        checks.require(
                s.rank() == 4 && patch > 0 && s.dim(2) >= patch && s.dim(3) >= patch,
                op,
                "images " + s + " can't be cut into patches of " + patch);
        return append(
                op,
                List.of(pixels),
                Shape.of(s.dim(0), s.dim(2) / patch * (s.dim(3) / patch), s.dim(1) * patch * patch),
                DType.F32,
                pixels.count());
    }

    /**
     * patches [images, height * width, d] with class token [d] and position table [1 + g^2, d]:
     * [images, 1 + height * width, d].
     */
    public Value assembleTokens(
            Value patches, Weight cls, Weight position, long height, long width) {
        Op op = new Op.AssembleTokens(cls, position, height, width);
        Shape s = patches.shape();
        checks.rows(op, patches);
        long grid = Math.round(Math.sqrt(position.rows() - 1.0));
        checks.require(
                s.rank() == 3
                        && s.dim(1) == height * width
                        && cls.elements() == s.dim(2)
                        && position.cols() == s.dim(2),
                op,
                "class token " + cls + " and positions " + position + " do not fit patches " + s);
        checks.require(
                position.rows() == 1 + grid * grid,
                op,
                "positions " + position + " have no square grid: 1 + g * g rows are needed");
        return append(
                op,
                List.of(patches),
                Shape.of(s.dim(0), 1 + s.dim(1), s.dim(2)),
                DType.F32,
                patches.count());
    }

    /**
     * The token that follows each row of logits: int32 [rows].
     *
     * @param options rows as {@link SampleOptions#write} lays them out
     */
    public Value sample(Value logits, Value options) {
        Op op = new Op.Sample();
        checks.rows(op, logits);
        checks.input(op, "options", options, DType.I64);
        checks.require(
                options.shape().equals(Shape.of(logits.rows(), SampleOptions.FIELDS)),
                op,
                "options " + options + " do not fit logits " + logits.shape());
        return append(
                op, List.of(logits, options), Shape.of(logits.rows()), DType.I32, logits.count());
    }

    /** x [images, skip + height * width, c] to [images, height * width / block^2, c * block^2]. */
    public Value pixelUnshuffle(
            Value x, long skip, long height, long width, long block, boolean transposed) {
        Op op = new Op.PixelUnshuffle(skip, height, width, block, transposed);
        Shape s = x.shape();
        checks.rows(op, x);
        checks.require(
                s.rank() == 3
                        && block > 0
                        && s.dim(1) == skip + height * width
                        && height % block == 0
                        && width % block == 0,
                op,
                "a grid of "
                        + height
                        + " x "
                        + width
                        + " in blocks of "
                        + block
                        + " does not fit "
                        + s);
        checks.require(
                !transposed || height == width, op, "the transposed order needs a square grid");
        return append(
                op,
                List.of(x),
                Shape.of(s.dim(0), height / block * (width / block), s.dim(2) * block * block),
                DType.F32,
                x.count());
    }

    private Value append(Op op, List<Value> operands, Shape shape, DType dtype, Count count) {
        Node node = new Node(nodes.size(), op, operands, scope);
        Value value = new Value(node, shape, dtype, count);
        node.value(value);
        nodes.add(node);
        return value;
    }

    /** One line for each node. */
    public String describe() {
        StringBuilder s = new StringBuilder(name).append('\n');
        for (Node n : nodes) {
            s.append("  ").append(n).append(" -> ").append(n.value().shape()).append('\n');
        }
        outputs.forEach(
                (label, v) ->
                        s.append("  output ").append(label).append(" = ").append(v).append('\n'));
        return s.toString();
    }
}
