package dev.ocellus.graph;

import dev.ocellus.tensor.DType;

import java.util.Objects;

/** Refuses operands that don't fit, naming the graph, the place in the model and the operation. */
final class OperandChecks {
    private final String graph;
    private String scope = "";

    OperandChecks(String graph) {
        this.graph = graph;
    }

    void scope(String place) {
        scope = place;
    }

    void require(boolean fits, Op op, String why) {
        if (!fits) {
            String place = scope.isEmpty() ? "" : scope + ", ";
            throw new GraphException("graph " + graph + ", " + place + op.name() + ": " + why);
        }
    }

    /** Operands that kernels take row by row: float32, of two dimensions or more, of one length. */
    void rows(Op op, Value... operands) {
        for (Value v : operands) {
            require(
                    v.dtype() == DType.F32 && v.shape().rank() >= 2,
                    op,
                    "input " + v + " must be float32 with at least two dimensions");
            require(
                    !(v.node().op() instanceof Op.KvAppend),
                    op,
                    "input " + v + " is a cache state, which has no data");
            require(
                    Objects.equals(v.count(), operands[0].count()),
                    op,
                    "operands have counts " + operands[0].count() + " and " + v.count());
        }
    }

    void index(Op op, String what, Value v, long elements) {
        require(
                v.dtype() == DType.I32 && v.shape().elements() == elements,
                op,
                what + " " + v + " must be int32 with " + elements + " elements");
    }

    /** An operand that kernels take without gaps between its rows. */
    void input(Op op, String what, Value v, DType dtype) {
        require(
                v.node().op() instanceof Op.Input && v.dtype() == dtype,
                op,
                what + " " + v + " must be an input of type " + dtype.lowerName());
    }

    void state(Op op, CacheState state, int layer, long rows) {
        index(op, "sequence", state.sequence(), rows);
        index(op, "slot", state.slot(), rows);
        input(op, "pages", state.pages(), DType.I64);
        require(
                state.pages().shape().rank() == 2,
                op,
                "pages " + state.pages() + " must be a table [sequences, pages]");
        require(
                layer >= 0 && layer < state.shape().layers(),
                op,
                "layer " + layer + " is not in a cache of " + state.shape().layers() + " layers");
    }
}
