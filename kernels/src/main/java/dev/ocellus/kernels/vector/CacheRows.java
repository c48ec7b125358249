package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.scalar.Memory;
import dev.ocellus.tensor.DType;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** Keys and values as float32. */
final class CacheRows {
    private static final MethodHandle[] LOOPS = {loop("singles"), loop("halves"), loop("bfloats")};

    private static MethodHandle loop(String name) {
        return Handles.of(MethodHandles.lookup(), name, void.class, 3);
    }

    /** Widens {@code count} elements of F32, F16 or BF16. */
    static void widen(DType type, long from, long count, long to) {
        long whole = count & -Lanes.COUNT;
        int loop =
                switch (type) {
                    case F32 -> 0;
                    case F16 -> 1;
                    default -> 2;
                };
        try {
            LOOPS[loop].invokeExact(from, whole, to);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        for (long i = whole; i < count; i++) {
            Memory.f32(to + i * 4, Memory.widened(type, from + i * type.byteSize()));
        }
    }

    private static void singles(long from, long count, long to) {
        for (long i = 0; i < count * 4; i += Lanes.BYTES) {
            Lanes.store(to + i, Lanes.load(from + i));
        }
    }

    private static void halves(long from, long count, long to) {
        for (long p = from, q = to, end = to + count * 4; q < end; q += Lanes.BYTES) {
            Lanes.store(q, HalfPanels.upperHalf(upper(p)));
            p += Lanes.BYTES / 2;
        }
    }

    private static void bfloats(long from, long count, long to) {
        for (long p = from, q = to, end = to + count * 4; q < end; q += Lanes.BYTES) {
            Lanes.store(q, upper(p).reinterpretAsFloats());
            p += Lanes.BYTES / 2;
        }
    }

    /** 16-bit values in the upper halves of lanes, above zeros. */
    private static IntVector upper(long address) {
        IntVector bits =
                (IntVector)
                        Lanes.loadShorts(address).convertShape(VectorOperators.S2I, Lanes.INTS, 0);
        return bits.lanewise(VectorOperators.LSHL, 16);
    }

    private CacheRows() {}
}
