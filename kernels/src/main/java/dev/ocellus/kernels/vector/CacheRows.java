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
        return Handles.of(MethodHandles.lookup(), name, void.class, 6);
    }

    /**
     * Widens the first {@code count} elements, of type F32, F16 or BF16, of each of some rows that
     * lie {@code fromStep} bytes apart, to rows {@code toStep} bytes apart.
     */
    static void widen(
            DType type, long from, long fromStep, long rows, long count, long to, long toStep) {
        long whole = count & -Lanes.COUNT;
        int loop =
                switch (type) {
                    case F32 -> 0;
                    case F16 -> 1;
                    default -> 2;
                };
        try {
            LOOPS[loop].invokeExact(from, fromStep, rows, whole, to, toStep);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        long size = type.byteSize();
        for (long r = 0; r < rows && whole < count; r++) {
            for (long i = whole; i < count; i++) {
                float value = Memory.widened(type, from + r * fromStep + i * size);
                Memory.f32(to + r * toStep + i * 4, value);
            }
        }
    }

    private static void singles(
            long from, long fromStep, long rows, long count, long to, long toStep) {
        for (long r = 0; r < rows; r++) {
            long p = from + r * fromStep;
            long q = to + r * toStep;
            for (long i = 0; i < count * 4; i += Lanes.BYTES) {
                Lanes.store(q + i, Lanes.load(p + i));
            }
        }
    }

    private static void halves(
            long from, long fromStep, long rows, long count, long to, long toStep) {
        for (long r = 0; r < rows; r++) {
            long p = from + r * fromStep;
            long q = to + r * toStep;
            for (long i = 0; i < count * 2; i += Lanes.BYTES / 2) {
                Lanes.store(q + 2 * i, HalfPanels.upperHalf(upper(p + i)));
            }
        }
    }

    private static void bfloats(
            long from, long fromStep, long rows, long count, long to, long toStep) {
        for (long r = 0; r < rows; r++) {
            long p = from + r * fromStep;
            long q = to + r * toStep;
            for (long i = 0; i < count * 2; i += Lanes.BYTES / 2) {
                Lanes.store(q + 2 * i, upper(p + i).reinterpretAsFloats());
            }
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
