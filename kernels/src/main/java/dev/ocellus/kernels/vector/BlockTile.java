package dev.ocellus.kernels.vector;

import jdk.incubator.vector.FloatVector;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** Products of four rows of {@link BlockActivations} and two vectors of widened weights. */
final class BlockTile {
    private static final long LINE = PanelReader.LINE;
    private static final long VECTORS = Tile.PAIR * Lanes.BYTES;

    private static final MethodHandle[] STEPS = {step("beginRow", 2), step("addRow", 5)};

    private static MethodHandle step(String name, int longs) {
        return Handles.of(MethodHandles.lookup(), name, void.class, longs);
    }

    /**
     * Adds to the sums of four rows the products of one block.
     *
     * @param x0 the first row's integers of the block
     * @param scale bytes from those to the block's scale
     * @param offset bytes from those to what the block's sum begins with
     * @param w0 the first vector of the block's first column
     * @param wScale0 the first vector's scales
     * @param block room for the sums of a block
     */
    static void fourRows(
            long x0,
            long x1,
            long x2,
            long x3,
            long scale,
            long offset,
            long w0,
            long w1,
            long wScale0,
            long wScale1,
            long block,
            long sums,
            long sumStep) {
        begin(x0 + offset, block);
        begin(x1 + offset, block + VECTORS);
        begin(x2 + offset, block + 2 * VECTORS);
        begin(x3 + offset, block + 3 * VECTORS);
        long columns = BlockPanels.BLOCK;
        Tile.fourRows(x0, x1, x2, x3, Float.BYTES, w0, w1, LINE, columns, block, VECTORS);
        add(x0 + scale, wScale0, wScale1, block, sums);
        add(x1 + scale, wScale0, wScale1, block + VECTORS, sums + sumStep);
        add(x2 + scale, wScale0, wScale1, block + 2 * VECTORS, sums + 2 * sumStep);
        add(x3 + scale, wScale0, wScale1, block + 3 * VECTORS, sums + 3 * sumStep);
    }

    private static void begin(long offset, long block) {
        try {
            STEPS[0].invokeExact(offset, block);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void beginRow(long offset, long block) {
        FloatVector v = Lanes.spread(offset);
        Lanes.store(block, v);
        Lanes.store(block + Lanes.BYTES, v);
    }

    private static void add(long scale, long wScale0, long wScale1, long block, long sums) {
        try {
            STEPS[1].invokeExact(scale, wScale0, wScale1, block, sums);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void addRow(long scale, long wScale0, long wScale1, long block, long sums) {
        FloatVector s = Lanes.spread(scale);
        FloatVector a = Lanes.load(block).mul(Lanes.load(wScale0));
        Lanes.store(sums, a.fma(s, Lanes.load(sums)));
        FloatVector b = Lanes.load(block + Lanes.BYTES).mul(Lanes.load(wScale1));
        Lanes.store(sums + Lanes.BYTES, b.fma(s, Lanes.load(sums + Lanes.BYTES)));
    }

    private BlockTile() {}
}
