package dev.ocellus.plan;

import dev.ocellus.graph.CacheShape;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.tensor.DType;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Turns a graph into kernel calls, one step for each node or fused group. */
final class Lowering {
    private final Fusion fusion;
    private final PlanOptions options;
    private final List<Step> steps = new ArrayList<>();

    private Lowering(Fusion fusion, PlanOptions options) {
        this.fusion = fusion;
        this.options = options;
    }

    static List<Step> steps(Graph graph, PlanOptions options) {
        Lowering l = new Lowering(Fusion.of(graph), options);
        for (Node n : graph.nodes()) {
            Fusion.Group group = l.fusion.group(n);
            if (group != null) {
                l.product(group);
            } else if (!l.fusion.absorbed(n)) {
                l.single(n);
            }
        }
        return List.copyOf(l.steps);
    }

    private void product(Fusion.Group group) {
        switch (group) {
            case Fusion.Group.Gated g -> gated(g);
            case Fusion.Group.Siblings s -> siblings(s);
            case Fusion.Group.Chain c -> chain(c);
        }
    }

    private void gated(Fusion.Group.Gated g) {
        Value x = g.gate().input(0);
        Value out = g.activation().value();
        var matrix =
                new Packing.GatedMatrix(
                        ((Op.Linear) g.gate().op()).weight(), ((Op.Linear) g.up().op()).weight());
        Activation act = ((Op.GatedActivate) g.activation().op()).activation();
        add(
                g.nodes(),
                List.of(x),
                List.of(out),
                null,
                b ->
                        new KernelCall.MatMul(
                                b.address(x),
                                b.ld(x),
                                b.weight(matrix),
                                matrix.type(),
                                0,
                                0,
                                0,
                                0,
                                b.address(out),
                                b.ld(out),
                                out.rows(),
                                rowCount(b, out),
                                out.cols(),
                                x.cols(),
                                compute(matrix.type()),
                                act,
                                1));
    }

    private void siblings(Fusion.Group.Siblings s) {
        Value x = s.nodes().getFirst().input(0);
        List<Value> outs = s.nodes().stream().map(Node::value).toList();
        List<Op.Linear> ops = s.nodes().stream().map(n -> (Op.Linear) n.op()).toList();
        Weight weight = Weight.concat(joined(ops), ops.stream().map(Op.Linear::weight).toList());
        Weight bias =
                ops.getFirst().bias() == null
                        ? null
                        : Weight.concat(
                                joined(ops) + " bias", ops.stream().map(Op.Linear::bias).toList());
        matMul(s.nodes(), x, weight, bias, Activation.NONE, null, null, outs);
    }

    private static String joined(List<Op.Linear> ops) {
        return String.join(" + ", ops.stream().map(o -> o.weight().name()).toList());
    }

    private void chain(Fusion.Group.Chain c) {
        Op.Linear linear = (Op.Linear) c.nodes().getFirst().op();
        Activation act = Activation.NONE;
        Weight scale = null;
        for (Node n : c.nodes()) {
            if (n.op() instanceof Op.Activate a) {
                act = a.activation();
            } else if (n.op() instanceof Op.Scale s) {
                scale = s.weight();
            }
        }
        Value x = c.nodes().getFirst().input(0);
        matMul(
                c.nodes(),
                x,
                linear.weight(),
                linear.bias(),
                act,
                scale,
                c.residual(),
                List.of(c.anchor().value()));
    }

    private void matMul(
            List<Node> nodes,
            Value x,
            Weight weight,
            Weight bias,
            Activation act,
            Weight scale,
            Value residual,
            List<Value> outs) {
        var matrix = new Packing.Matrix(weight);
        Value out = outs.getFirst();
        List<Value> reads = residual == null ? List.of(x) : List.of(x, residual);
        add(
                nodes,
                reads,
                outs,
                residual,
                b ->
                        new KernelCall.MatMul(
                                b.address(x),
                                b.ld(x),
                                b.weight(matrix),
                                matrix.type(),
                                vector(b, bias),
                                vector(b, scale),
                                residual == null ? 0 : b.address(residual),
                                residual == null ? 0 : b.ld(residual),
                                b.address(out),
                                b.ld(out),
                                out.rows(),
                                rowCount(b, out),
                                weight.rows(),
                                weight.cols(),
                                compute(matrix.type()),
                                act,
                                0));
    }

    private void single(Node n) {
        Value out = n.value();
        switch (n.op()) {
            case Op.Input i -> {}
            case Op.Linear l -> throw new IllegalStateException("linear layers are grouped");
            case Op.Embedding e -> embedding(n, e);
            case Op.RmsNorm r ->
                    pointwise(
                            n,
                            b ->
                                    new KernelCall.RmsNorm(
                                            b.address(n.input(0)),
                                            b.ld(n.input(0)),
                                            vector(b, r.weight()),
                                            b.address(out),
                                            b.ld(out),
                                            out.rows(),
                                            rowCount(b, out),
                                            r.groups(),
                                            out.cols() / r.groups(),
                                            r.eps()));
            case Op.LayerNorm r ->
                    pointwise(
                            n,
                            b ->
                                    new KernelCall.LayerNorm(
                                            b.address(n.input(0)),
                                            b.ld(n.input(0)),
                                            vector(b, r.weight()),
                                            vector(b, r.bias()),
                                            b.address(out),
                                            b.ld(out),
                                            out.rows(),
                                            rowCount(b, out),
                                            out.cols(),
                                            r.eps()));
            case Op.Add a ->
                    pointwise(
                            n,
                            b ->
                                    new KernelCall.Add(
                                            b.address(n.input(0)),
                                            b.ld(n.input(0)),
                                            b.address(n.input(1)),
                                            b.ld(n.input(1)),
                                            out.rows(),
                                            b.address(out),
                                            b.ld(out),
                                            out.rows(),
                                            rowCount(b, out),
                                            out.cols()));
            case Op.Scale s ->
                    pointwise(
                            n,
                            b ->
                                    new KernelCall.Scale(
                                            b.address(n.input(0)),
                                            b.ld(n.input(0)),
                                            vector(b, s.weight()),
                                            0,
                                            0,
                                            b.address(out),
                                            b.ld(out),
                                            out.rows(),
                                            rowCount(b, out),
                                            out.cols()));
            case Op.Activate a ->
                    pointwise(
                            n,
                            b ->
                                    new KernelCall.Activate(
                                            b.address(n.input(0)),
                                            b.ld(n.input(0)),
                                            b.address(out),
                                            b.ld(out),
                                            out.rows(),
                                            rowCount(b, out),
                                            out.cols(),
                                            a.activation()));
            case Op.GatedActivate a ->
                    pointwise(
                            n,
                            b ->
                                    new KernelCall.GatedActivate(
                                            b.address(n.input(0)),
                                            b.ld(n.input(0)),
                                            b.address(n.input(1)),
                                            b.ld(n.input(1)),
                                            b.address(out),
                                            b.ld(out),
                                            out.rows(),
                                            rowCount(b, out),
                                            out.cols(),
                                            a.activation()));
            case Op.RopeTable t ->
                    fresh(
                            n,
                            b ->
                                    new KernelCall.RopeTable(
                                            b.address(n.input(0)),
                                            b.address(n.input(1)),
                                            b.address(n.input(2)),
                                            b.address(n.input(3)),
                                            b.address(out),
                                            out.rows(),
                                            rowCount(b, out),
                                            t.half()));
            case Op.Rope r ->
                    pointwise(
                            n,
                            b ->
                                    new KernelCall.Rope(
                                            b.address(n.input(0)),
                                            b.ld(n.input(0)),
                                            b.address(n.input(1)),
                                            b.address(out),
                                            b.ld(out),
                                            out.rows(),
                                            rowCount(b, out),
                                            r.heads(),
                                            r.headDim(),
                                            r.half()));
            case Op.KvAppend k -> kvAppend(n, k);
            case Op.PagedAttention a -> pagedAttention(n, a);
            case Op.Attention a -> attention(n, a);
            case Op.SelectRows s -> selectRows(n);
            case Op.Patchify p -> patchify(n, p);
            case Op.AssembleTokens a -> assembleTokens(n, a);
            case Op.PixelUnshuffle p -> pixelUnshuffle(n, p);
        }
    }

    private void embedding(Node n, Op.Embedding e) {
        Value out = n.value();
        Packing table = e.tied() ? new Packing.Matrix(e.table()) : new Packing.Rows(e.table());
        fresh(
                n,
                b ->
                        new KernelCall.Gather(
                                b.weight(table),
                                e.table().kernelType(),
                                e.tied() ? 1 : 0,
                                e.table().rows(),
                                b.address(n.input(0)),
                                b.address(out),
                                b.ld(out),
                                out.rows(),
                                rowCount(b, out),
                                out.cols()));
    }

    private void kvAppend(Node n, Op.KvAppend op) {
        Value k = n.input(0);
        Value v = n.input(1);
        CacheShape c = op.cache();
        // The value of an append is the cache's new state; it has the place of the keys and no data
        // of its own.
        add(
                List.of(n),
                n.inputs(),
                List.of(n.value()),
                k,
                b ->
                        new KernelCall.KvAppend(
                                b.address(k),
                                b.ld(k),
                                b.address(v),
                                b.ld(v),
                                b.address(n.input(2)),
                                b.address(n.input(3)),
                                b.address(n.input(4)),
                                n.input(4).cols(),
                                c.pageTokens(),
                                c.keyOffset(op.layer()),
                                c.valueOffset(op.layer()),
                                c.dtype(),
                                k.rows(),
                                rowCount(b, k),
                                c.kvHeads(),
                                c.headDim()));
    }

    private void pagedAttention(Node n, Op.PagedAttention op) {
        Value q = n.input(0);
        Value out = n.value();
        CacheShape c = op.cache();
        fresh(
                n,
                b ->
                        new KernelCall.PagedAttention(
                                b.address(q),
                                b.ld(q),
                                b.address(n.input(2)),
                                b.address(n.input(3)),
                                b.address(n.input(4)),
                                n.input(4).cols(),
                                c.pageTokens(),
                                c.keyOffset(op.layer()),
                                c.valueOffset(op.layer()),
                                c.dtype(),
                                b.address(out),
                                b.ld(out),
                                out.rows(),
                                rowCount(b, out),
                                op.heads(),
                                c.kvHeads(),
                                c.headDim(),
                                op.scale()));
    }

    private void attention(Node n, Op.Attention op) {
        Value q = n.input(0);
        Value k = n.input(1);
        Value v = n.input(2);
        Value out = n.value();
        fresh(
                n,
                b ->
                        new KernelCall.Attention(
                                b.address(q),
                                b.ld(q),
                                b.address(k),
                                b.ld(k),
                                b.address(v),
                                b.ld(v),
                                b.address(out),
                                b.ld(out),
                                q.shape().dim(0),
                                b.count(q, 1),
                                q.shape().dim(1),
                                k.shape().dim(1),
                                op.heads(),
                                op.kvHeads(),
                                op.headDim(),
                                op.scale()));
    }

    private void selectRows(Node n) {
        Value x = n.inputs().size() == 3 ? n.input(0) : null;
        Value y = n.input(x == null ? 0 : 1);
        Value index = n.inputs().getLast();
        Value out = n.value();
        add(
                List.of(n),
                n.inputs(),
                List.of(out),
                x,
                b ->
                        new KernelCall.SelectRows(
                                x == null ? 0 : b.address(x),
                                x == null ? 0 : b.ld(x),
                                b.address(y),
                                b.ld(y),
                                b.address(index),
                                b.address(out),
                                b.ld(out),
                                out.rows(),
                                rowCount(b, out),
                                out.cols()));
    }

    private void patchify(Node n, Op.Patchify op) {
        Value x = n.input(0);
        Value out = n.value();
        fresh(
                n,
                b ->
                        new KernelCall.Patchify(
                                b.address(x),
                                b.address(out),
                                b.ld(out),
                                x.shape().dim(0),
                                b.count(x, 1),
                                x.shape().dim(1),
                                x.shape().dim(2),
                                x.shape().dim(3),
                                op.patch()));
    }

    private void assembleTokens(Node n, Op.AssembleTokens op) {
        Value x = n.input(0);
        Value out = n.value();
        var cls = new Packing.Vector(op.cls());
        var position = new Packing.Positions(op.position(), op.height(), op.width());
        fresh(
                n,
                b ->
                        new KernelCall.AssembleTokens(
                                b.address(x),
                                b.ld(x),
                                b.weight(cls),
                                b.weight(position),
                                b.address(out),
                                b.ld(out),
                                x.shape().dim(0),
                                b.count(x, 1),
                                x.shape().dim(1),
                                out.cols()));
    }

    private void pixelUnshuffle(Node n, Op.PixelUnshuffle op) {
        Value x = n.input(0);
        Value out = n.value();
        fresh(
                n,
                b ->
                        new KernelCall.PixelUnshuffle(
                                b.address(x),
                                b.ld(x),
                                b.address(out),
                                b.ld(out),
                                x.shape().dim(0),
                                b.count(x, 1),
                                op.skip(),
                                op.height(),
                                op.width(),
                                x.cols(),
                                op.block(),
                                op.transposed() ? 1 : 0));
    }

    /** A step whose result may overwrite its first operand. */
    private void pointwise(Node n, Function<Binding, KernelCall> call) {
        add(List.of(n), n.inputs(), List.of(n.value()), n.input(0), call);
    }

    private void fresh(Node n, Function<Binding, KernelCall> call) {
        add(List.of(n), n.inputs(), List.of(n.value()), null, call);
    }

    private void add(
            List<Node> nodes,
            List<Value> reads,
            List<Value> writes,
            Value inPlace,
            Function<Binding, KernelCall> call) {
        steps.add(new Step(nodes, reads, writes, inPlace, call));
    }

    private ComputeType compute(DType weight) {
        return weight == DType.BF16 ? options.compute() : ComputeType.F32;
    }

    private static long rowCount(Binding b, Value v) {
        return b.count(v, v.rowsPerEntry());
    }

    private static long vector(Binding b, Weight w) {
        return w == null ? 0 : b.weight(new Packing.Vector(w));
    }
}
