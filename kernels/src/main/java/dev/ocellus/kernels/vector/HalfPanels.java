package dev.ocellus.kernels.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.invoke.MethodHandles;

/** float16, which vectors don't know: widened by integer operations. */
final class HalfPanels {
    private static final long LINE = PanelReader.LINE;

    /** Lines that are widened at a time. */
    private static final long CHUNK = 64;

    /** Bytes of a chunk of one vector's rows, widened. */
    private static final long CHUNK_BYTES = 2 * CHUNK * LINE;

    /** Where the rows of a product lie widened, behind the sums that are in the workspace too. */
    private static final long WIDENED = Workspace.BYTES - Tile.QUAD * CHUNK_BYTES;

    /** A float16's sign, exponent and mantissa in a float32, three places too far right. */
    private static final int FIELDS = 0x8fffe000;

    /** By how much that float32 is too small: the biases of the exponents are 15 and 127. */
    private static final float REBIAS = 0x1p112f;

    private static final float INFINITE = 0x1p16f;
    private static final int INFINITE_EXPONENT = 0x7f800000;

    static MethodHandles.Lookup lookup() {
        return MethodHandles.lookup();
    }

    static void oneRow(long x, long w0, long w1, long w2, long w3, long columns, long sums) {
        long to = Workspace.address() + WIDENED;
        long lines = columns / 2;
        for (long line = 0; line < lines; line += CHUNK) {
            long count = Math.min(CHUNK, lines - line);
            widen(w0 + line * LINE, count, to);
            widen(w1 + line * LINE, count, to + CHUNK_BYTES);
            widen(w2 + line * LINE, count, to + 2 * CHUNK_BYTES);
            widen(w3 + line * LINE, count, to + 3 * CHUNK_BYTES);
            Tile.oneRow(
                    x + line * 2 * Float.BYTES,
                    Float.BYTES,
                    to,
                    to + CHUNK_BYTES,
                    to + 2 * CHUNK_BYTES,
                    to + 3 * CHUNK_BYTES,
                    LINE,
                    2 * count,
                    sums);
        }
    }

    static void widen(long from, long lines, long to) {
        long q = to;
        for (long p = from, end = p + lines * LINE; p < end; p += LINE, q += 2 * LINE) {
            IntVector pair = Lanes.loadInts(p);
            Lanes.store(q, upperHalf(pair.lanewise(VectorOperators.LSHL, 16)));
            Lanes.store(q + LINE, upperHalf(pair));
        }
    }

    /** A vector of float16, one after another. */
    static FloatVector load(long address) {
        IntVector bits =
                (IntVector)
                        Lanes.loadShorts(address).convertShape(VectorOperators.S2I, Lanes.INTS, 0);
        return upperHalf(bits.lanewise(VectorOperators.LSHL, 16));
    }

    /** The float16 in the upper half of each lane. */
    static FloatVector upperHalf(IntVector bits) {
        FloatVector v =
                bits.lanewise(VectorOperators.ASHR, 3)
                        .and(FIELDS)
                        .reinterpretAsFloats()
                        .mul(REBIAS);
        return v.reinterpretAsInts()
                .lanewise(
                        VectorOperators.OR,
                        INFINITE_EXPONENT,
                        v.abs().compare(VectorOperators.GE, INFINITE).cast(Lanes.INTS))
                .reinterpretAsFloats();
    }

    private HalfPanels() {}
}
