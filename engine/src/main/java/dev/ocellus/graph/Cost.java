package dev.ocellus.graph;

import dev.ocellus.kernels.Activation;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Work of one or several nodes, counted from shapes. An operation is an addition, multiplication,
 * division or elementary function (exp, erf, sqrt, ...) on one element: a multiply-add counts two.
 * Work that is done once a row (the root of a norm) and the softmax inside attention are not
 * counted.
 *
 * <p>Each operand counts once, however often caches have to fetch it again.
 *
 * @param flops floating-point operations
 * @param weightBytes bytes of weights read, in the type in which kernels read them
 * @param activationBytes bytes of activations, indices and cache read and written
 */
public record Cost(long flops, long weightBytes, long activationBytes) {

    public static final Cost NONE = new Cost(0, 0, 0);

    public long bytes() {
        return weightBytes + activationBytes;
    }

    /** Arithmetic intensity: operations for each byte; 0 where nothing moves. */
    public double intensity() {
        return bytes() == 0 ? 0 : (double) flops / bytes();
    }

    public Cost plus(Cost o) {
        return new Cost(
                flops + o.flops, weightBytes + o.weightBytes, activationBytes + o.activationBytes);
    }

    public Cost times(long n) {
        return new Cost(n * flops, n * weightBytes, n * activationBytes);
    }

    public static Cost of(Node node, Workload work) {
        return of(List.of(node), work);
    }

    /**
     * Cost of nodes that run as one kernel. Values that one of them hands to another never reach
     * memory and are not counted, so nobody else may need them; what several of them read counts
     * once.
     */
    public static Cost of(List<Node> nodes, Workload work) {
        Set<Value> made = new HashSet<>();
        Set<Value> read = new HashSet<>();
        for (Node n : nodes) {
            made.add(n.value());
            read.addAll(n.inputs());
        }
        Set<Value> seen = new HashSet<>(made);
        Cost sum = NONE;
        for (Node n : nodes) {
            long moved = cacheBytesRead(n, work);
            for (Value v : n.inputs()) {
                if (seen.add(v)) {
                    moved += bytesRead(n, v, work);
                }
            }
            if (!read.contains(n.value())) {
                moved += bytesWritten(n, work);
            }
            sum = sum.plus(new Cost(flops(n, work), weightBytes(n, work), moved));
        }
        return sum;
    }

    private static long flops(Node node, Workload work) {
        long rows = work.rows(node.value());
        long n = work.elements(node.value());
        return switch (node.op()) {
            case Op.Linear l -> 2 * rows * l.weight().elements() + (l.bias() == null ? 0 : n);
            case Op.Conv2d c -> 2 * rows * c.weight().elements() + (c.bias() == null ? 0 : n);
            case Op.RmsNorm r -> 4 * n;
            case Op.LayerNorm r -> (r.bias() == null ? 6 : 7) * n;
            case Op.GroupNorm g -> 7 * n;
            case Op.Add a -> n;
            case Op.Scale s -> n;
            case Op.Activate a -> flops(a.activation()) * n;
            case Op.GatedActivate a -> (flops(a.activation()) + 1) * n;
            // An angle, its cosine and sine, both scaled.
            case Op.RopeTable t -> 5 * t.half() * rows;
            // Four products and two sums for each pair.
            case Op.Rope r -> 6 * r.half() * r.heads() * rows;
            case Op.PagedAttention a ->
                    4 * a.heads() * a.cache().headDim() * Batch.of(node, work).scores(a.window());
            case Op.Attention a -> 4 * n * node.input(1).shape().dim(1);
            // The position embedding is added.
            case Op.AssembleTokens a -> n;
            // Of each token a temperature, an exponential and a sum.
            case Op.Sample s -> 3 * work.elements(node.input(0));
            case Op.Input i -> 0;
            case Op.Embedding e -> 0;
            case Op.KvAppend k -> 0;
            case Op.SelectRows s -> 0;
            case Op.Patchify p -> 0;
            case Op.PixelUnshuffle p -> 0;
        };
    }

    private static long flops(Activation activation) {
        return switch (activation) {
            case NONE -> 0;
            case RELU -> 1;
            case SILU, QUICK_GELU -> 4;
            case GELU -> 5;
            case GELU_TANH -> 9;
        };
    }

    private static long weightBytes(Node node, Workload work) {
        return switch (node.op()) {
            case Op.Embedding e -> work.rows(node.value()) * rowBytes(e.table());
            case Op.Linear l -> l.weight().rows() * rowBytes(l.weight()) + vectorBytes(l.bias());
            case Op.Conv2d c -> c.weight().rows() * rowBytes(c.weight()) + vectorBytes(c.bias());
            case Op.RmsNorm r -> vectorBytes(r.weight());
            case Op.LayerNorm r -> vectorBytes(r.weight()) + vectorBytes(r.bias());
            case Op.GroupNorm g -> vectorBytes(g.weight()) + vectorBytes(g.bias());
            case Op.Scale s -> vectorBytes(s.weight());
            case Op.AssembleTokens a ->
                    vectorBytes(a.cls()) + 4 * (1 + a.height() * a.width()) * a.position().cols();
            default -> 0;
        };
    }

    /** Of a matrix; rows of block types are whole blocks, but not the layout's whole groups. */
    private static long rowBytes(Weight matrix) {
        return matrix.kernelType().byteSize(matrix.cols());
    }

    /** Vectors are kept as float32 whatever the file has. */
    private static long vectorBytes(Weight vector) {
        return vector == null ? 0 : 4 * vector.elements();
    }

    private static long bytesRead(Node node, Value v, Workload work) {
        Value out = node.value();
        return switch (node.op()) {
            case Op.KvAppend k when v == node.input(4) -> v.dtype().byteSize(work.rows(out));
            // The keys stand for the order of events: attention reads them from the cache.
            case Op.PagedAttention a when v == node.input(1) -> 0;
            case Op.PagedAttention a when v == node.input(4) ->
                    v.dtype().byteSize(Batch.of(node, work).pages(a.cache()));
            // Each row comes from one of the two sources; the second one stands for both.
            case Op.SelectRows s when v == node.inputs().getLast() -> work.bytes(v);
            case Op.SelectRows s -> v == node.input(node.inputs().size() - 2) ? work.bytes(out) : 0;
            case Op.PixelUnshuffle p -> work.bytes(out);
            default -> work.bytes(v);
        };
    }

    private static long bytesWritten(Node node, Workload work) {
        return switch (node.op()) {
            case Op.Input i -> 0;
            case Op.KvAppend k -> work.rows(node.value()) * layerTokenBytes(k.cache());
            default -> work.bytes(node.value());
        };
    }

    private static long cacheBytesRead(Node node, Workload work) {
        return node.op() instanceof Op.PagedAttention a
                ? Batch.of(node, work).slots(a.window()) * layerTokenBytes(a.cache())
                : 0;
    }

    private static long layerTokenBytes(CacheShape cache) {
        return cache.tokenBytes() / cache.layers();
    }

    /**
     * Rows of a causal step, spread evenly over the sequences that have any; each sequence ends up
     * with the same context.
     */
    private record Batch(long rows, long sequences, long context) {

        static Batch of(Node attention, Workload work) {
            long rows = work.rows(attention.value());
            long sequences = Math.min(rows, attention.input(4).shape().dim(0));
            long longest = sequences == 0 ? 0 : (rows + sequences - 1) / sequences;
            return new Batch(rows, sequences, Math.max(work.contextTokens(), longest));
        }

        /** Pairs of a row and a slot that it attends to: the slots up to its own, in the window. */
        long scores(long window) {
            long each = sequences == 0 ? 0 : rows / sequences;
            long longer = rows - each * sequences;
            return (sequences - longer) * scores(each, window) + longer * scores(each + 1, window);
        }

        private long scores(long appended, long window) {
            long first = context - appended;
            return window == 0
                    ? sumTo(context) - sumTo(first)
                    : capped(context, window) - capped(first, window);
        }

        /** Slots that the first {@code n} rows of a sequence attend to in a window. */
        private static long capped(long n, long window) {
            return sumTo(Math.min(n, window)) + Math.max(0, n - window) * window;
        }

        private static long sumTo(long n) {
            return n * (n + 1) / 2;
        }

        /** Slots that are read, each once. */
        long slots(long window) {
            long longest = sequences == 0 ? 0 : (rows + sequences - 1) / sequences;
            long read = window == 0 ? context : Math.min(context, window + longest - 1);
            return sequences * read;
        }

        long pages(CacheShape cache) {
            return sequences * cache.pages(context);
        }
    }
}
