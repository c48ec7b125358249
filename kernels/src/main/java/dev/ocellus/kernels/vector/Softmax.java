package dev.ocellus.kernels.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/**
 * One step of a streaming softmax (Milakov and Gimelshein 2018) for as many queries as a vector has
 * lanes. Scores lie [key][query], as logarithms to the base 2. Each loop is compiled on its own.
 */
final class Softmax {
    private static final MethodHandle[] LOOPS = {
        loop("raiseLoop", 5), loop("weighLoop", 5), loop("hideLoop", 6)
    };

    private static MethodHandle loop(String name, int longs) {
        return Handles.of(MethodHandles.lookup(), name, void.class, longs);
    }

    /**
     * Raises the largest score so far by those of {@code keys} keys, {@code step} bytes apart.
     *
     * @param largest of each query, which is updated; at first it is finite, so that keys that are
     *     hidden don't count even if all of a block are
     * @param change receives the factor for what is relative to the largest score before
     */
    static void raise(long scores, long step, long keys, long largest, long change) {
        try {
            LOOPS[0].invokeExact(scores, step, keys, largest, change);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void raiseLoop(long scores, long step, long keys, long largest, long change) {
        FloatVector before = Lanes.load(largest);
        FloatVector most = before;
        for (long p = scores, end = p + keys * step; p < end; p += step) {
            FloatVector s = Lanes.load(p);
            most = most.blend(s, s.compare(VectorOperators.GT, most));
        }
        Lanes.store(largest, most);
        Lanes.store(change, Functions.exp2Negative(before.sub(most)));
    }

    /**
     * Turns scores into weights relative to the largest score.
     *
     * @param total to which each query's weights are added
     */
    static void weigh(long scores, long step, long keys, long largest, long total) {
        try {
            LOOPS[1].invokeExact(scores, step, keys, largest, total);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void weighLoop(long scores, long step, long keys, long largest, long total) {
        FloatVector most = Lanes.load(largest);
        FloatVector sum = Lanes.load(total);
        for (long p = scores, end = p + keys * step; p < end; p += step) {
            FloatVector w = Functions.exp2Negative(Lanes.load(p).sub(most));
            Lanes.store(p, w);
            sum = sum.add(w);
        }
        Lanes.store(total, sum);
    }

    /**
     * Gives keys that a query doesn't attend to the score of minus infinity.
     *
     * @param key the first of {@code keys} keys whose scores begin at {@code scores}
     * @param starts the first key that each query attends to, as float32
     * @param limits the key after the last one that each query attends to, as float32
     */
    static void hide(long scores, long step, long key, long keys, long starts, long limits) {
        try {
            LOOPS[2].invokeExact(scores, step, key, keys, starts, limits);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void hideLoop(
            long scores, long step, long key, long keys, long starts, long limits) {
        FloatVector start = Lanes.load(starts);
        FloatVector limit = Lanes.load(limits);
        FloatVector none = Lanes.all(Float.NEGATIVE_INFINITY);
        for (long i = 0; i < keys; i++) {
            FloatVector at = Lanes.all(key + i);
            FloatVector s = Lanes.load(scores + i * step);
            s = s.blend(none, limit.compare(VectorOperators.LE, at));
            s = s.blend(none, start.compare(VectorOperators.GT, at));
            Lanes.store(scores + i * step, s);
        }
    }

    private Softmax() {}
}
