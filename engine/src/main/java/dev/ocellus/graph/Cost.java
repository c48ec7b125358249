package dev.ocellus.graph;

/**
 * Work of a node at full capacity, counted from shapes: floating-point operations (a multiply-add
 * counts two), bytes of weights, and bytes of activations read and written once.
 */
public record Cost(long flops, long weightBytes, long activationBytes) {

    public static final Cost NONE = new Cost(0, 0, 0);

    public long bytes() {
        return weightBytes + activationBytes;
    }

    public Cost plus(Cost o) {
        return new Cost(
                flops + o.flops, weightBytes + o.weightBytes, activationBytes + o.activationBytes);
    }

    /**
     * Cost of one node.
     *
     * @param cachedTokens slots that each row of a paged attention reads
     */
    public static Cost of(Node node, long cachedTokens) {
        Value out = node.value();
        long n = out.shape().elements();
        long moved = n * 4;
        for (Value v : node.inputs()) {
            moved += v.dtype().byteSize(v.shape().elements());
        }
        return switch (node.op()) {
            case Op.Input i -> NONE;
            case Op.Embedding e -> new Cost(0, bytes(e.table(), out.rows()), 2 * n * 4);
            case Op.Linear l ->
                    new Cost(
                            2 * out.rows() * l.weight().elements(),
                            bytes(l.weight(), l.weight().rows())
                                    + (l.bias() == null ? 0 : l.bias().rows() * 4),
                            moved);
            case Op.RmsNorm r -> new Cost(4 * n, r.weight().rows() * 4, moved);
            case Op.LayerNorm r -> new Cost(7 * n, r.weight().rows() * 8, moved);
            case Op.Add a -> new Cost(n, 0, moved);
            case Op.Scale s -> new Cost(n, s.weight().rows() * 4, moved);
            case Op.Activate a -> new Cost(8 * n, 0, moved);
            case Op.GatedActivate a -> new Cost(9 * n, 0, moved);
            case Op.RopeTable t -> new Cost(20 * n, 0, moved);
            case Op.Rope r -> new Cost(3 * n, 0, moved);
            case Op.KvAppend k ->
                    new Cost(
                            0,
                            0,
                            out.rows()
                                    * (2 * out.cols() * 4
                                            + k.cache().tokenBytes() / k.cache().layers()));
            case Op.PagedAttention a ->
                    new Cost(
                            4 * out.rows() * a.heads() * a.cache().headDim() * cachedTokens,
                            0,
                            2 * n * 4 + cachedTokens * a.cache().tokenBytes() / a.cache().layers());
            case Op.Attention a -> new Cost(4 * n * node.input(1).shape().dim(1), 0, moved);
            case Op.SelectRows s -> new Cost(0, 0, 2 * n * 4);
            case Op.Patchify p -> new Cost(0, 0, moved);
            case Op.AssembleTokens a -> new Cost(n, a.position().elements() * 4, moved);
            case Op.PixelUnshuffle p -> new Cost(0, 0, 2 * n * 4);
        };
    }

    private static long bytes(Weight w, long rows) {
        return w.dtype().byteSize(rows * w.cols());
    }
}
