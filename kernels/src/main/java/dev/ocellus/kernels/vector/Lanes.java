package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.Panels;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** This machine's vectors, and their loads and stores at absolute addresses. */
final class Lanes {
    /** At most as long as a line of a panel, of which they are then a whole part. */
    static final VectorSpecies<Float> FLOATS =
            FloatVector.SPECIES_PREFERRED.length() > Panels.ROWS
                    ? FloatVector.SPECIES_512
                    : FloatVector.SPECIES_PREFERRED;

    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());

    /** As many as floats, in half the space. */
    static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

    /** Floats in a vector. */
    static final int COUNT = FLOATS.length();

    /** Bytes of a vector. */
    static final long BYTES = COUNT * 4L;

    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(FLOATS, ALL, address, ORDER);
    }

    static IntVector loadInts(long address) {
        return IntVector.fromMemorySegment(INTS, ALL, address, ORDER);
    }

    static ShortVector loadShorts(long address) {
        return ShortVector.fromMemorySegment(SHORTS, ALL, address, ORDER);
    }

    static void store(long address, FloatVector v) {
        v.intoMemorySegment(ALL, address, ORDER);
    }

    /** The float at an address, in all lanes. */
    static FloatVector spread(long address) {
        return FloatVector.broadcast(FLOATS, ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, address));
    }

    static FloatVector all(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }

    /** The floats of the first {@code bytes} that fill whole vectors, in bytes. */
    static long whole(long bytes) {
        return bytes & -BYTES;
    }

    private Lanes() {}
}
