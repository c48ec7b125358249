package dev.ocellus.device;

import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.Panels;
import dev.ocellus.plan.Packing;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * How packings lie in the memory of a GPU, and how they are made on the host part by part. Matrices
 * of plain numbers are their rows without gaps, a gated one first all rows of the gate, then those
 * of the other; filters are rows of (tap, channel). Block types are {@link Panels}, as on the
 * processor.
 */
final class CudaLayout {
    private CudaLayout() {}

    /** Makes a part in the host's memory. */
    @FunctionalInterface
    interface Maker {
        /**
         * @param to of just the part's size
         */
        void make(PanelPacker packer, MemorySegment to);
    }

    /**
     * About a megabyte of a packing.
     *
     * @param offset from the start of the packing
     */
    record Part(long offset, long bytes, Maker maker) {}

    /** Bytes of a packing here; never more than {@link Packing#bytes}. */
    static long bytes(Packing packing) {
        return switch (packing) {
            case Packing.Matrix m -> matrix(m.weight(), m.type());
            case Packing.GatedMatrix g -> 2 * matrix(g.gate(), g.type());
            case Packing.Filter f -> matrix(f.weight(), f.type());
            case Packing.Vector v -> v.bytes();
            case Packing.Rows r -> r.bytes();
            case Packing.Positions p -> p.bytes();
        };
    }

    private static long matrix(Weight weight, DType type) {
        return type.isBlock()
                ? Panels.bytes(type, weight.rows(), weight.cols())
                : type.byteSize(weight.elements());
    }

    /** The parts of a packing in ascending order, without gaps. */
    static List<Part> parts(Packing packing) {
        List<Part> parts = new ArrayList<>();
        switch (packing) {
            case Packing.Matrix m when m.type().isBlock() -> panels(parts, m);
            case Packing.Matrix m -> rows(parts, m.weight(), m.type(), 0);
            case Packing.GatedMatrix g when g.type().isBlock() -> panels(parts, g);
            case Packing.GatedMatrix g -> {
                rows(parts, g.gate(), g.type(), 0);
                rows(parts, g.up(), g.type(), matrix(g.gate(), g.type()));
            }
            case Packing.Filter f -> filter(parts, f);
            case Packing.Vector v -> rows(parts, v.weight(), DType.F32, 0);
            case Packing.Rows r -> rows(parts, r.weight(), r.type(), 0);
            case Packing.Positions p ->
                    parts.add(new Part(0, p.bytes(), (packer, to) -> packer.positions(p, to)));
        }
        return parts;
    }

    private static void rows(List<Part> parts, Weight weight, DType type, long offset) {
        long step = PanelPacker.rowsAtOnce(weight);
        for (long row = 0; row < weight.rows(); row += step) {
            Weight some = weight.rows(row, Math.min(step, weight.rows() - row));
            parts.add(
                    new Part(
                            offset + type.byteSize(row * weight.cols()),
                            type.byteSize(some.elements()),
                            (packer, to) -> packer.rows(some, type, to)));
        }
    }

    private static void filter(List<Part> parts, Packing.Filter f) {
        Weight weight = f.weight();
        long step = PanelPacker.rowsAtOnce(weight);
        for (long row = 0; row < weight.rows(); row += step) {
            Weight some = weight.rows(row, Math.min(step, weight.rows() - row));
            parts.add(
                    new Part(
                            f.type().byteSize(row * weight.cols()),
                            f.type().byteSize(some.elements()),
                            (packer, to) -> packer.filterRows(some, f.taps(), f.type(), to)));
        }
    }

    private static void panels(List<Part> parts, Packing.Matrix m) {
        long panelBytes = Panels.panelBytes(m.type(), m.weight().cols());
        long all = Panels.count(m.weight().rows());
        long step = PanelPacker.panelsAtOnce(m.weight());
        for (long panel = 0; panel < all; panel += step) {
            long first = panel;
            long count = Math.min(step, all - panel);
            parts.add(
                    new Part(
                            first * panelBytes,
                            count * panelBytes,
                            (packer, to) ->
                                    packer.panels(m.weight(), first, count, m.type(), to, 0, 1)));
        }
    }

    /** A part holds the panels of the gate and those of the other that alternate with them. */
    private static void panels(List<Part> parts, Packing.GatedMatrix g) {
        long panelBytes = 2 * Panels.panelBytes(g.type(), g.gate().cols());
        long all = Panels.count(g.gate().rows());
        long step = PanelPacker.panelsAtOnce(g.gate());
        for (long panel = 0; panel < all; panel += step) {
            long first = panel;
            long count = Math.min(step, all - panel);
            parts.add(
                    new Part(
                            first * panelBytes,
                            count * panelBytes,
                            (packer, to) -> {
                                packer.panels(g.gate(), first, count, g.type(), to, 0, 2);
                                packer.panels(g.up(), first, count, g.type(), to, 1, 2);
                            }));
        }
    }
}
