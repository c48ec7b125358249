package dev.ocellus.loader.image;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A resampling filter laid over one axis with the fixed-point arithmetic of Pillow's {@code
 * Image.resize}, in the form that the kernels take: output {@code i} is the sum of {@code taps}
 * inputs from {@code first[i]} on, with weights of 22 fractional bits. {@code taps} and all of
 * {@code first} are multiples of four, as filters are padded with zero weights. The kernels round
 * to 8 bits after each axis, as Pillow does; an axis whose size does not change is copied.
 *
 * @param first by output
 * @param inputs the number of inputs, past which only zero weights reach
 * @param firstAddress of {@code first} as int32
 * @param weightsAddress of int32 [outputs, taps]
 */
record ResampleTaps(int[] first, int taps, int inputs, long firstAddress, long weightsAddress) {
    private static final int PRECISION_BITS = 32 - 8 - 2;
    private static final int MULTIPLE = 4;

    /**
     * @param arena owns what the kernels read
     */
    static ResampleTaps of(int in, int out, ResampleFilter filter, Arena arena) {
        return in == out ? copy(in, arena) : new Builder(in, out, filter).build(arena);
    }

    private static ResampleTaps copy(int size, Arena arena) {
        int[] first = new int[size];
        int[] weights = new int[Math.multiplyExact(size, MULTIPLE)];
        for (int i = 0; i < size; i++) {
            first[i] = i / MULTIPLE * MULTIPLE;
            weights[i * MULTIPLE + i % MULTIPLE] = 1 << PRECISION_BITS;
        }
        return of(first, MULTIPLE, size, weights, arena);
    }

    private static ResampleTaps of(int[] first, int taps, int inputs, int[] weights, Arena arena) {
        MemorySegment firsts = arena.allocateFrom(ValueLayout.JAVA_INT, first);
        MemorySegment all = arena.allocateFrom(ValueLayout.JAVA_INT, weights);
        return new ResampleTaps(first, taps, inputs, firsts.address(), all.address());
    }

    /** Inputs that must be there before output {@code i} can be made. */
    int end(int i) {
        return Math.min(first[i] + taps, inputs);
    }

    /** The first output that needs more than the first {@code count} inputs. */
    int firstBeyond(int count) {
        int low = 0;
        int high = first.length;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (end(middle) > count) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    }

    /** Places the filter, then computes its weights. */
    private static final class Builder {
        private final int in;
        private final double scale;
        private final double support;
        private final double step;
        private final ResampleFilter filter;
        private final int[] first;
        private final int[] count;
        private int taps;

        Builder(int in, int out, ResampleFilter filter) {
            this.in = in;
            this.filter = filter;
            scale = (double) in / out;
            double filterScale = Math.max(scale, 1.0);
            support = filter.support() * filterScale;
            step = 1.0 / filterScale;
            first = new int[out];
            count = new int[out];
            for (int i = 0; i < out; i++) {
                double centre = centre(i);
                first[i] = Math.max((int) (centre - support + 0.5), 0);
                count[i] = Math.min((int) (centre + support + 0.5), in) - first[i];
                int padded = first[i] % MULTIPLE + count[i] + MULTIPLE - 1;
                taps = Math.max(taps, padded / MULTIPLE * MULTIPLE);
            }
        }

        private double centre(int i) {
            return (i + 0.5) * scale;
        }

        ResampleTaps build(Arena arena) {
            int[] weights = new int[Math.multiplyExact(first.length, taps)];
            double[] w = new double[taps];
            for (int i = 0; i < first.length; i++) {
                double sum = 0;
                for (int k = 0; k < count[i]; k++) {
                    w[k] = filter.at((k + first[i] - centre(i) + 0.5) * step);
                    sum += w[k];
                }
                int aligned = first[i] / MULTIPLE * MULTIPLE;
                int at = i * taps + first[i] - aligned;
                for (int k = 0; k < count[i]; k++) {
                    double normalised = sum != 0 ? w[k] / sum : w[k];
                    double fixed = normalised * (1 << PRECISION_BITS);
                    weights[at + k] = (int) (fixed < 0 ? fixed - 0.5 : fixed + 0.5);
                }
                first[i] = aligned;
            }
            return of(first, taps, in, weights, arena);
        }
    }
}
