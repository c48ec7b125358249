package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * How products read panels of integers. These meet the activations as float32, in which sums of a
 * block's products are exact, so that they may be summed in any order.
 *
 * <p>A block's columns are {@code halves} times {@code lines} lines of four: those of the second
 * half lie in the upper halves of the bytes.
 */
final class BlockPanels {
    static final long BLOCK = DType.BLOCK_ELEMENTS;

    private static final long LINE = PanelReader.LINE;
    private static final long GROUP_BLOCKS = Panels.GROUP / BLOCK;
    private static final int LOWER_HALVES = 0x0f0f0f0f;

    private static final MethodHandle[] LOOPS = {
        Handles.of(MethodHandles.lookup(), "widenLoop", void.class, 6)
    };

    /** What is added to integers to make them unsigned. */
    static float offset(DType type) {
        return type == DType.Q8 ? 128 : 8;
    }

    private static long halves(DType type) {
        return type == DType.Q8 ? 1 : 2;
    }

    /**
     * Widens blocks of one vector's rows, from the first block of a group on.
     *
     * @param to receives a line of unsigned integers for each column
     * @param scales receives a line for each block
     */
    static void widen(DType type, long panel, long lane, long blocks, long to, long scales) {
        try {
            LOOPS[0].invokeExact(halves(type), panel, lane, blocks, to, scales);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void widenLoop(
            long halves, long panel, long lane, long blocks, long to, long scales) {
        long lines = BLOCK / 4 / halves;
        int mask = halves == 1 ? -1 : LOWER_HALVES;
        long q = to + lane;
        for (long block = 0; block < blocks; block++) {
            long first = integers(panel, block, lines) + lane;
            for (int half = 0; half < halves; half++) {
                for (long p = first, end = p + lines * LINE; p < end; p += LINE, q += 4 * LINE) {
                    IntVector w = half(p, 4 * half, mask);
                    Lanes.store(q, integer(w, 0));
                    Lanes.store(q + LINE, integer(w, 8));
                    Lanes.store(q + 2 * LINE, integer(w, 16));
                    Lanes.store(q + 3 * LINE, integer(w, 24));
                }
            }
            Lanes.store(
                    scales + block * LINE + lane,
                    HalfPanels.load(scales(panel, block, lines, lane)));
        }
    }

    /** Integers of one half of a block, four in each lane. */
    private static IntVector half(long address, int shift, int mask) {
        return Lanes.loadInts(address).lanewise(VectorOperators.LSHR, shift).and(mask);
    }

    private static FloatVector integer(IntVector bytes, int shift) {
        IntVector bits = bytes.lanewise(VectorOperators.LSHR, shift).and(0xff);
        return (FloatVector) bits.convert(VectorOperators.I2F, 0);
    }

    /** A group whose blocks have so many lines, which a line of scales precedes. */
    private static long group(long panel, long block, long lines) {
        return panel + block / GROUP_BLOCKS * (1 + GROUP_BLOCKS * lines) * LINE;
    }

    private static long integers(long panel, long block, long lines) {
        return group(panel, block, lines) + (1 + block % GROUP_BLOCKS * lines) * LINE;
    }

    private static long scales(long panel, long block, long lines, long lane) {
        return group(panel, block, lines) + block % GROUP_BLOCKS * LINE / 2 + lane / 2;
    }

    private BlockPanels() {}
}
