package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.scalar.Memory;

import jdk.incubator.vector.FloatVector;

/** Sums, products and copies of runs of float32 values; results may be in place. */
final class Spans {

    static void add(long a, long b, long out, long bytes) {
        long whole = Lanes.whole(bytes);
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            Lanes.store(out + i, Lanes.load(a + i).add(Lanes.load(b + i)));
        }
        for (long i = whole; i < bytes; i += 4) {
            Memory.f32(out + i, Memory.f32(a + i) + Memory.f32(b + i));
        }
    }

    static void multiply(long a, long b, long out, long bytes) {
        long whole = Lanes.whole(bytes);
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            Lanes.store(out + i, Lanes.load(a + i).mul(Lanes.load(b + i)));
        }
        for (long i = whole; i < bytes; i += 4) {
            Memory.f32(out + i, Memory.f32(a + i) * Memory.f32(b + i));
        }
    }

    static void copy(long from, long to, long bytes) {
        long whole = Lanes.whole(bytes);
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            Lanes.store(to + i, Lanes.load(from + i));
        }
        for (long i = whole; i < bytes; i += 4) {
            Memory.f32(to + i, Memory.f32(from + i));
        }
    }

    /** Multiplies whole vectors, in place. */
    static void multiply(long x, float factor, long bytes) {
        FloatVector f = Lanes.all(factor);
        for (long i = 0; i < bytes; i += Lanes.BYTES) {
            Lanes.store(x + i, Lanes.load(x + i).mul(f));
        }
    }

    /** Sets whole vectors. */
    static void fill(long x, float value, long bytes) {
        FloatVector v = Lanes.all(value);
        for (long i = 0; i < bytes; i += Lanes.BYTES) {
            Lanes.store(x + i, v);
        }
    }

    private Spans() {}
}
