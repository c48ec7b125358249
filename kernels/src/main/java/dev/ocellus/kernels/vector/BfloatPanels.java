package dev.ocellus.kernels.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.invoke.MethodHandles;

/** bfloat16: the upper halves of float32. */
final class BfloatPanels {
    private static final long LINE = PanelReader.LINE;
    private static final int UPPER = 0xffff0000;

    static MethodHandles.Lookup lookup() {
        return MethodHandles.lookup();
    }

    /** Two columns a step, straight from the panels: this is memory's speed. */
    static void oneRow(long x, long w0, long w1, long w2, long w3, long columns, long sums) {
        FloatVector a = Lanes.load(sums);
        FloatVector b = Lanes.load(sums + Lanes.BYTES);
        FloatVector c = Lanes.load(sums + 2 * Lanes.BYTES);
        FloatVector d = Lanes.load(sums + 3 * Lanes.BYTES);
        IntVector upper = IntVector.broadcast(Lanes.INTS, UPPER);
        for (long q = x, p = 0, end = columns / 2 * LINE; p < end; q += 8, p += LINE) {
            FloatVector even = Lanes.spread(q);
            FloatVector odd = Lanes.spread(q + 4);
            IntVector pair = Lanes.loadInts(w0 + p);
            a = first(pair).fma(even, a);
            a = pair.and(upper).reinterpretAsFloats().fma(odd, a);
            pair = Lanes.loadInts(w1 + p);
            b = first(pair).fma(even, b);
            b = pair.and(upper).reinterpretAsFloats().fma(odd, b);
            pair = Lanes.loadInts(w2 + p);
            c = first(pair).fma(even, c);
            c = pair.and(upper).reinterpretAsFloats().fma(odd, c);
            pair = Lanes.loadInts(w3 + p);
            d = first(pair).fma(even, d);
            d = pair.and(upper).reinterpretAsFloats().fma(odd, d);
        }
        Lanes.store(sums, a);
        Lanes.store(sums + Lanes.BYTES, b);
        Lanes.store(sums + 2 * Lanes.BYTES, c);
        Lanes.store(sums + 3 * Lanes.BYTES, d);
    }

    static void widen(long from, long lines, long to) {
        IntVector upper = IntVector.broadcast(Lanes.INTS, UPPER);
        long q = to;
        for (long p = from, end = p + lines * LINE; p < end; p += LINE, q += 2 * LINE) {
            IntVector pair = Lanes.loadInts(p);
            Lanes.store(q, first(pair));
            Lanes.store(q + LINE, pair.and(upper).reinterpretAsFloats());
        }
    }

    private static FloatVector first(IntVector pair) {
        return pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private BfloatPanels() {}
}
