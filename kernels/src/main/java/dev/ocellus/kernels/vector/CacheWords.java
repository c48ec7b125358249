package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KvPanels;
import dev.ocellus.tensor.DType;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** Keys and values of a page, widened to float32; {@link KvPanels} says what a word is. */
final class CacheWords {
    private static final int UPPER = 0xffff0000;

    private static final MethodHandle[] LOOPS = {loop("singles"), loop("halves"), loop("bfloats")};

    private static MethodHandle loop(String name) {
        return Handles.of(MethodHandles.lookup(), name, void.class, 6);
    }

    /** Whether caches of this type are of words. */
    static boolean supports(DType type) {
        return type == DType.F32 || type == DType.F16 || type == DType.BF16;
    }

    /**
     * Widens at least {@code count} rows, of at least {@code columns} columns each, to rows {@code
     * toStep} bytes apart: as many as there are in whole words and vectors.
     *
     * @param words where the first row's columns begin; the next row of words is {@code wordStep}
     *     bytes on
     */
    static void widen(
            DType type, long words, long wordStep, long count, long columns, long to, long toStep) {
        int loop =
                switch (type) {
                    case F32 -> 0;
                    case F16 -> 1;
                    default -> 2;
                };
        long pair = Float.BYTES / type.byteSize();
        long lines = (count + pair - 1) / pair;
        try {
            LOOPS[loop].invokeExact(words, wordStep, lines, columns * 4, to, toStep);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void singles(
            long words, long wordStep, long lines, long bytes, long to, long toStep) {
        for (long line = 0; line < lines; line++) {
            long p = words + line * wordStep;
            long q = to + line * toStep;
            for (long i = 0; i < bytes; i += Lanes.BYTES) {
                Lanes.store(q + i, Lanes.load(p + i));
            }
        }
    }

    private static void halves(
            long words, long wordStep, long lines, long bytes, long to, long toStep) {
        for (long line = 0; line < lines; line++) {
            long p = words + line * wordStep;
            long q = to + 2 * line * toStep;
            for (long i = 0; i < bytes; i += Lanes.BYTES) {
                IntVector pair = Lanes.loadInts(p + i);
                IntVector first = pair.lanewise(VectorOperators.LSHL, 16);
                Lanes.store(q + i, HalfPanels.upperHalf(first));
                Lanes.store(q + toStep + i, HalfPanels.upperHalf(pair));
            }
        }
    }

    private static void bfloats(
            long words, long wordStep, long lines, long bytes, long to, long toStep) {
        for (long line = 0; line < lines; line++) {
            long p = words + line * wordStep;
            long q = to + 2 * line * toStep;
            for (long i = 0; i < bytes; i += Lanes.BYTES) {
                IntVector pair = Lanes.loadInts(p + i);
                IntVector first = pair.lanewise(VectorOperators.LSHL, 16);
                Lanes.store(q + i, first.reinterpretAsFloats());
                Lanes.store(q + toStep + i, pair.and(UPPER).reinterpretAsFloats());
            }
        }
    }

    private CacheWords() {}
}
