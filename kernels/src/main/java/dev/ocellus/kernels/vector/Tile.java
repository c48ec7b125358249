package dev.ocellus.kernels.vector;

import jdk.incubator.vector.FloatVector;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * Products of broadcast factors x and vectors of factors w, added to sums in memory: {@code
 * sums[r][lane] = fma(w[i][lane], x[r][i], sums[r][lane])} for i in ascending order. Whatever the
 * shape of the tile, a sum is one chain of fused multiply-adds.
 *
 * <p>All arguments are addresses or distances in bytes: {@code x} of the first factor of a row,
 * {@code xStep} from one factor to the next, {@code w} of the first vector, {@code wStep} to the
 * next, {@code sumStep} from one row of sums to the next. The vectors of a row of sums lie side by
 * side. Each loop is compiled on its own.
 */
final class Tile {
    static final int ROWS = 4;

    /** Vectors that {@link #fourRows} takes. */
    static final int PAIR = 2;

    /** Vectors that {@link #oneRow} takes. */
    static final int QUAD = 4;

    private static final MethodHandle[] LOOPS = {
        loop("fourRowsLoop", 11), loop("fourRowsNarrowLoop", 10), loop("oneRowLoop", 9)
    };

    private static MethodHandle loop(String name, int longs) {
        return Handles.of(MethodHandles.lookup(), name, void.class, longs);
    }

    /** Four rows times two vectors. */
    static void fourRows(
            long x0,
            long x1,
            long x2,
            long x3,
            long xStep,
            long w0,
            long w1,
            long wStep,
            long steps,
            long sums,
            long sumStep) {
        try {
            LOOPS[0].invokeExact(x0, x1, x2, x3, xStep, w0, w1, wStep, steps, sums, sumStep);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void fourRowsLoop(
            long x0,
            long x1,
            long x2,
            long x3,
            long xStep,
            long w0,
            long w1,
            long wStep,
            long steps,
            long sums,
            long sumStep) {
        FloatVector a0 = Lanes.load(sums);
        FloatVector b0 = Lanes.load(sums + Lanes.BYTES);
        FloatVector a1 = Lanes.load(sums + sumStep);
        FloatVector b1 = Lanes.load(sums + sumStep + Lanes.BYTES);
        FloatVector a2 = Lanes.load(sums + 2 * sumStep);
        FloatVector b2 = Lanes.load(sums + 2 * sumStep + Lanes.BYTES);
        FloatVector a3 = Lanes.load(sums + 3 * sumStep);
        FloatVector b3 = Lanes.load(sums + 3 * sumStep + Lanes.BYTES);
        for (long i = 0, q = 0, p = 0; i < steps; i++, q += xStep, p += wStep) {
            FloatVector a = Lanes.load(w0 + p);
            FloatVector b = Lanes.load(w1 + p);
            FloatVector x = Lanes.spread(x0 + q);
            a0 = a.fma(x, a0);
            b0 = b.fma(x, b0);
            x = Lanes.spread(x1 + q);
            a1 = a.fma(x, a1);
            b1 = b.fma(x, b1);
            x = Lanes.spread(x2 + q);
            a2 = a.fma(x, a2);
            b2 = b.fma(x, b2);
            x = Lanes.spread(x3 + q);
            a3 = a.fma(x, a3);
            b3 = b.fma(x, b3);
        }
        Lanes.store(sums, a0);
        Lanes.store(sums + Lanes.BYTES, b0);
        Lanes.store(sums + sumStep, a1);
        Lanes.store(sums + sumStep + Lanes.BYTES, b1);
        Lanes.store(sums + 2 * sumStep, a2);
        Lanes.store(sums + 2 * sumStep + Lanes.BYTES, b2);
        Lanes.store(sums + 3 * sumStep, a3);
        Lanes.store(sums + 3 * sumStep + Lanes.BYTES, b3);
    }

    /** Four rows times one vector. */
    static void fourRowsNarrow(
            long x0,
            long x1,
            long x2,
            long x3,
            long xStep,
            long w,
            long wStep,
            long steps,
            long sums,
            long sumStep) {
        try {
            LOOPS[1].invokeExact(x0, x1, x2, x3, xStep, w, wStep, steps, sums, sumStep);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void fourRowsNarrowLoop(
            long x0,
            long x1,
            long x2,
            long x3,
            long xStep,
            long w,
            long wStep,
            long steps,
            long sums,
            long sumStep) {
        FloatVector a0 = Lanes.load(sums);
        FloatVector a1 = Lanes.load(sums + sumStep);
        FloatVector a2 = Lanes.load(sums + 2 * sumStep);
        FloatVector a3 = Lanes.load(sums + 3 * sumStep);
        for (long i = 0, q = 0, p = w; i < steps; i++, q += xStep, p += wStep) {
            FloatVector a = Lanes.load(p);
            a0 = a.fma(Lanes.spread(x0 + q), a0);
            a1 = a.fma(Lanes.spread(x1 + q), a1);
            a2 = a.fma(Lanes.spread(x2 + q), a2);
            a3 = a.fma(Lanes.spread(x3 + q), a3);
        }
        Lanes.store(sums, a0);
        Lanes.store(sums + sumStep, a1);
        Lanes.store(sums + 2 * sumStep, a2);
        Lanes.store(sums + 3 * sumStep, a3);
    }

    /** One row times four vectors. */
    static void oneRow(
            long x,
            long xStep,
            long w0,
            long w1,
            long w2,
            long w3,
            long wStep,
            long steps,
            long sums) {
        try {
            LOOPS[2].invokeExact(x, xStep, w0, w1, w2, w3, wStep, steps, sums);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void oneRowLoop(
            long x,
            long xStep,
            long w0,
            long w1,
            long w2,
            long w3,
            long wStep,
            long steps,
            long sums) {
        FloatVector a = Lanes.load(sums);
        FloatVector b = Lanes.load(sums + Lanes.BYTES);
        FloatVector c = Lanes.load(sums + 2 * Lanes.BYTES);
        FloatVector d = Lanes.load(sums + 3 * Lanes.BYTES);
        for (long i = 0, q = x, p = 0; i < steps; i++, q += xStep, p += wStep) {
            FloatVector v = Lanes.spread(q);
            a = Lanes.load(w0 + p).fma(v, a);
            b = Lanes.load(w1 + p).fma(v, b);
            c = Lanes.load(w2 + p).fma(v, c);
            d = Lanes.load(w3 + p).fma(v, d);
        }
        Lanes.store(sums, a);
        Lanes.store(sums + Lanes.BYTES, b);
        Lanes.store(sums + 2 * Lanes.BYTES, c);
        Lanes.store(sums + 3 * Lanes.BYTES, d);
    }

    private Tile() {}
}
