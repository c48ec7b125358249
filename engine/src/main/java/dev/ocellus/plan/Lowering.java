package dev.ocellus.plan;

import dev.ocellus.graph.ConvWindow;
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
    private final ComputeType attention;
    private final List<Step> steps = new ArrayList<>();

    private Lowering(Fusion fusion, PlanOptions options, ComputeType attention) {
        this.fusion = fusion;
        this.options = options;
        this.attention = attention;
    }

    /** Attention has no weights: it is in float32 where all products are. */
    private static ComputeType attention(Graph graph, PlanOptions options) {
        boolean bf16 =
                graph.nodes().stream()
                        .anyMatch(n -> n.op() instanceof Op.Linear l && isSmall(l.weight()));
        return bf16 ? options.compute() : ComputeType.F32;
    }

    private static boolean isSmall(Weight weight) {
        DType type = weight.kernelType();
        return type == DType.BF16 || type.isBlock();
    }

    static List<Step> steps(Graph graph, PlanOptions options) {
        Lowering l = new Lowering(Fusion.of(graph), options, attention(graph, options));
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
            case Fusion.Group.Chain c when c.nodes().getFirst().op() instanceof Op.Conv2d op ->
                    convolution(c, op);
            case Fusion.Group.Chain c -> chain(c);
            case Fusion.Group.Normed n -> normed(n);
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
                                b.rowCount(out),
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

    private void convolution(Fusion.Group.Chain c, Op.Conv2d op) {
        Value x = c.nodes().getFirst().input(0);
        Value out = c.anchor().value();
        Value residual = c.residual();
        Activation act =
                c.nodes().size() > 1 && c.nodes().get(1).op() instanceof Op.Activate a
                        ? a.activation()
                        : Activation.NONE;
        ConvWindow w = op.window();
        var filter = new Packing.Filter(op.weight(), w.taps());
        add(
                c.nodes(),
                residual == null ? List.of(x) : List.of(x, residual),
                List.of(out),
                residual,
                b ->
                        new KernelCall.Conv2d(
                                b.address(x),
                                b.ld(x),
                                b.weight(filter),
                                filter.type(),
                                b.vector(op.bias()),
                                residual == null ? 0 : b.address(residual),
                                residual == null ? 0 : b.ld(residual),
                                b.address(out),
                                b.ld(out),
                                x.shape().dim(0),
                                b.count(x, 1),
                                x.shape().dim(1),
                                x.shape().dim(2),
                                x.cols(),
                                out.shape().dim(1),
                                out.shape().dim(2),
                                out.cols(),
                                w.kernelHeight(),
                                w.kernelWidth(),
                                w.stride(),
                                w.dilation(),
                                w.padTop(),
                                w.padLeft(),
                                compute(filter.type()),
                                act));
    }

    private void normed(Fusion.Group.Normed n) {
        Value x = n.norm().input(0);
        Value out = n.activation().value();
        Activation act = ((Op.Activate) n.activation().op()).activation();
        Op.GroupNorm op = (Op.GroupNorm) n.norm().op();
        add(n.nodes(), List.of(x), List.of(out), x, OperationCalls.groupNorm(x, op, act, out));
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
                                b.vector(bias),
                                b.vector(scale),
                                residual == null ? 0 : b.address(residual),
                                residual == null ? 0 : b.ld(residual),
                                b.address(out),
                                b.ld(out),
                                out.rows(),
                                b.rowCount(out),
                                weight.rows(),
                                weight.cols(),
                                compute(matrix.type()),
                                act,
                                0));
    }

    private void single(Node n) {
        if (!(n.op() instanceof Op.Input)) {
            add(
                    List.of(n),
                    n.inputs(),
                    List.of(n.value()),
                    OperationCalls.inPlace(n),
                    OperationCalls.of(n, attention));
        }
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
        if (weight.isBlock()) {
            return ComputeType.ofBlocks(weight);
        }
        return weight == DType.BF16 ? options.compute() : ComputeType.F32;
    }
}
