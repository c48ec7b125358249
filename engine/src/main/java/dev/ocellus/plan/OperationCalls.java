package dev.ocellus.plan;

import dev.ocellus.graph.CacheShape;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Value;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KvPanels;

import java.util.function.Function;

/** Kernel calls of the operations that are not matrix products, one for each node. */
final class OperationCalls {
    private OperationCalls() {}

    /** The operand that the result may overwrite, or null. */
    static Value inPlace(Node n) {
        return switch (n.op()) {
            case Op.RmsNorm r -> n.input(0);
            case Op.LayerNorm r -> n.input(0);
            case Op.GroupNorm g -> n.input(0);
            case Op.Add a -> n.input(0);
            case Op.Scale s -> n.input(0);
            case Op.Activate a -> n.input(0);
            case Op.GatedActivate a -> n.input(0);
            case Op.Rope r -> n.input(0);
            case Op.KvAppend k -> n.input(0);
            case Op.SelectRows s -> n.inputs().size() == 3 ? n.input(0) : null;
            default -> null;
        };
    }

    /**
     * The call of a node that is not part of a matrix product.
     *
     * @param attention type in which factors meet in attention
     */
    static Function<Binding, KernelCall> of(Node n, ComputeType attention) {
        Value out = n.value();
        return switch (n.op()) {
            case Op.Input i -> throw new IllegalStateException("inputs are given, not computed");
            case Op.Linear l -> throw new IllegalStateException("linear layers are grouped");
            case Op.Conv2d c -> throw new IllegalStateException("convolutions are grouped");
            case Op.Embedding e -> embedding(n, e);
            case Op.RmsNorm r ->
                    b ->
                            new KernelCall.RmsNorm(
                                    b.address(n.input(0)),
                                    b.ld(n.input(0)),
                                    b.vector(r.weight()),
                                    b.address(out),
                                    b.ld(out),
                                    out.rows(),
                                    b.rowCount(out),
                                    r.groups(),
                                    out.cols() / r.groups(),
                                    r.eps());
            case Op.LayerNorm r ->
                    b ->
                            new KernelCall.LayerNorm(
                                    b.address(n.input(0)),
                                    b.ld(n.input(0)),
                                    b.vector(r.weight()),
                                    b.vector(r.bias()),
                                    b.address(out),
                                    b.ld(out),
                                    out.rows(),
                                    b.rowCount(out),
                                    out.cols(),
                                    r.eps());
            case Op.GroupNorm g -> groupNorm(n.input(0), g, Activation.NONE, out);
            case Op.Add a ->
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
                                    b.rowCount(out),
                                    out.cols());
            case Op.Scale s ->
                    b ->
                            new KernelCall.Scale(
                                    b.address(n.input(0)),
                                    b.ld(n.input(0)),
                                    b.vector(s.weight()),
                                    0,
                                    0,
                                    b.address(out),
                                    b.ld(out),
                                    out.rows(),
                                    b.rowCount(out),
                                    out.cols());
            case Op.Activate a ->
                    b ->
                            new KernelCall.Activate(
                                    b.address(n.input(0)),
                                    b.ld(n.input(0)),
                                    b.address(out),
                                    b.ld(out),
                                    out.rows(),
                                    b.rowCount(out),
                                    out.cols(),
                                    a.activation());
            case Op.GatedActivate a ->
                    b ->
                            new KernelCall.GatedActivate(
                                    b.address(n.input(0)),
                                    b.ld(n.input(0)),
                                    b.address(n.input(1)),
                                    b.ld(n.input(1)),
                                    b.address(out),
                                    b.ld(out),
                                    out.rows(),
                                    b.rowCount(out),
                                    out.cols(),
                                    a.activation());
            case Op.RopeTable t ->
                    b ->
                            new KernelCall.RopeTable(
                                    b.address(n.input(0)),
                                    b.address(n.input(1)),
                                    b.address(n.input(2)),
                                    b.address(n.input(3)),
                                    b.address(out),
                                    out.rows(),
                                    b.rowCount(out),
                                    t.half());
            case Op.Rope r ->
                    b ->
                            new KernelCall.Rope(
                                    b.address(n.input(0)),
                                    b.ld(n.input(0)),
                                    b.address(n.input(1)),
                                    b.address(out),
                                    b.ld(out),
                                    out.rows(),
                                    b.rowCount(out),
                                    r.heads(),
                                    r.headDim(),
                                    r.half());
            case Op.KvAppend k -> kvAppend(n, k);
            case Op.PagedAttention a -> pagedAttention(n, a, attention);
            case Op.Attention a -> attention(n, a, attention);
            case Op.SelectRows s -> selectRows(n);
            case Op.Patchify p -> patchify(n, p);
            case Op.AssembleTokens a -> assembleTokens(n, a);
            case Op.PixelUnshuffle p -> pixelUnshuffle(n, p);
            case Op.Sample s -> sample(n);
        };
    }

    static Function<Binding, KernelCall> groupNorm(
            Value x, Op.GroupNorm op, Activation activation, Value out) {
        return b ->
                new KernelCall.GroupNorm(
                        b.address(x),
                        b.ld(x),
                        b.vector(op.weight()),
                        b.vector(op.bias()),
                        b.address(out),
                        b.ld(out),
                        x.shape().dim(0),
                        b.count(x, 1),
                        x.rowsPerEntry(),
                        out.cols(),
                        op.groups(),
                        op.eps(),
                        activation);
    }

    private static Function<Binding, KernelCall> embedding(Node n, Op.Embedding e) {
        Value out = n.value();
        boolean packed = e.tied() || e.table().isPanels();
        Packing table = packed ? new Packing.Matrix(e.table()) : new Packing.Rows(e.table());
        return b ->
                new KernelCall.Gather(
                        b.weight(table),
                        e.table().kernelType(),
                        packed ? 1 : 0,
                        e.table().rows(),
                        b.address(n.input(0)),
                        b.address(out),
                        b.ld(out),
                        out.rows(),
                        b.rowCount(out),
                        out.cols());
    }

    private static Function<Binding, KernelCall> kvAppend(Node n, Op.KvAppend op) {
        Value k = n.input(0);
        Value v = n.input(1);
        CacheShape c = op.cache();
        // The value of an append is the cache's new state; it has the place of the keys and no data
        // of its own.
        return b ->
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
                        b.rowCount(k),
                        c.kvHeads(),
                        c.headDim());
    }

    private static Function<Binding, KernelCall> pagedAttention(
            Node n, Op.PagedAttention op, ComputeType compute) {
        Value q = n.input(0);
        Value out = n.value();
        CacheShape c = op.cache();
        return b ->
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
                        b.rowCount(out),
                        op.heads(),
                        c.kvHeads(),
                        c.headDim(),
                        op.scale(),
                        op.window(),
                        KvPanels.meetsBf16(c.dtype()) ? compute : ComputeType.F32);
    }

    private static Function<Binding, KernelCall> attention(
            Node n, Op.Attention op, ComputeType compute) {
        Value q = n.input(0);
        Value k = n.input(1);
        Value v = n.input(2);
        Value out = n.value();
        return b ->
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
                        op.scale(),
                        compute);
    }

    private static Function<Binding, KernelCall> selectRows(Node n) {
        Value x = n.inputs().size() == 3 ? n.input(0) : null;
        Value y = n.input(x == null ? 0 : 1);
        Value index = n.inputs().getLast();
        Value out = n.value();
        return b ->
                new KernelCall.SelectRows(
                        x == null ? 0 : b.address(x),
                        x == null ? 0 : b.ld(x),
                        b.address(y),
                        b.ld(y),
                        b.address(index),
                        b.address(out),
                        b.ld(out),
                        out.rows(),
                        b.rowCount(out),
                        out.cols());
    }

    private static Function<Binding, KernelCall> patchify(Node n, Op.Patchify op) {
        Value x = n.input(0);
        Value out = n.value();
        return b ->
                new KernelCall.Patchify(
                        b.address(x),
                        b.address(out),
                        b.ld(out),
                        x.shape().dim(0),
                        b.count(x, 1),
                        x.shape().dim(1),
                        x.shape().dim(2),
                        x.shape().dim(3),
                        op.patch());
    }

    private static Function<Binding, KernelCall> assembleTokens(Node n, Op.AssembleTokens op) {
        Value x = n.input(0);
        Value out = n.value();
        var cls = new Packing.Vector(op.cls());
        var position = new Packing.Positions(op.position(), op.height(), op.width());
        return b ->
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
                        out.cols());
    }

    private static Function<Binding, KernelCall> pixelUnshuffle(Node n, Op.PixelUnshuffle op) {
        Value x = n.input(0);
        Value out = n.value();
        return b ->
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
                        op.transposed() ? 1 : 0);
    }

    private static Function<Binding, KernelCall> sample(Node n) {
        Value logits = n.input(0);
        return b ->
                new KernelCall.Sample(
                        b.address(logits),
                        b.ld(logits),
                        b.address(n.input(1)),
                        b.address(n.value()),
                        0,
                        0,
                        0,
                        logits.rows(),
                        b.rowCount(logits),
                        logits.cols());
    }
}
