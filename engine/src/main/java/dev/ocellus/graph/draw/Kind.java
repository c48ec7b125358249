package dev.ocellus.graph.draw;

import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;

import java.util.Comparator;
import java.util.List;

/** Families of operations as drawings colour them; a fused step has the first one of its nodes. */
public enum Kind {
    PRODUCT("matrix product", "#dbeafe", "#2563eb"),
    ATTENTION("attention", "#ede9fe", "#7c3aed"),
    NORM("norm", "#dcfce7", "#15803d"),
    POINTWISE("pointwise", "#fef3c7", "#b45309"),
    MOVE("memory move", "#e2e8f0", "#475569"),
    PORT("input or output", "#ffffff", "#0f172a");

    /** What legends call it. */
    public final String label;

    final String fill;

    /** Its strong colour, as in "#2563eb". */
    public final String stroke;

    Kind(String label, String fill, String stroke) {
        this.label = label;
        this.fill = fill;
        this.stroke = stroke;
    }

    /** The first family in order that the step has a node of. */
    public static Kind of(List<Node> step) {
        return step.stream().map(n -> of(n.op())).min(Comparator.naturalOrder()).orElseThrow();
    }

    private static Kind of(Op op) {
        return switch (op) {
            case Op.Linear o -> PRODUCT;
            case Op.Conv2d o -> PRODUCT;
            case Op.Attention o -> ATTENTION;
            case Op.PagedAttention o -> ATTENTION;
            case Op.RmsNorm o -> NORM;
            case Op.LayerNorm o -> NORM;
            case Op.GroupNorm o -> NORM;
            case Op.Add o -> POINTWISE;
            case Op.Scale o -> POINTWISE;
            case Op.Activate o -> POINTWISE;
            case Op.GatedActivate o -> POINTWISE;
            case Op.Rope o -> POINTWISE;
            case Op.Sample o -> POINTWISE;
            case Op.RopeTable o -> POINTWISE;
            case Op.Embedding o -> MOVE;
            case Op.KvAppend o -> MOVE;
            case Op.SelectRows o -> MOVE;
            case Op.Patchify o -> MOVE;
            case Op.AssembleTokens o -> MOVE;
            case Op.PixelUnshuffle o -> MOVE;
            case Op.Input o -> PORT;
        };
    }
}
