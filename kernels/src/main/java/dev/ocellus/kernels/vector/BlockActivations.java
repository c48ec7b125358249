package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.scalar.Memory;
import dev.ocellus.tensor.DType;

/**
 * Rounds the activations of a product as {@link ComputeType#INT8} says. A row becomes its integers,
 * as float32, padded with zeros to whole groups; then for each block its scale; then for each block
 * what unsigned weights add to its sum that signed ones don't, negated. One unit is a row.
 */
record BlockActivations(MatMul call, long rounded) implements Launch {
    private static final int BLOCK = DType.BLOCK_ELEMENTS;
    private static final float LIMIT = 127;
    private static final float SMALLEST = 0x1p-100f;

    /** Added to a small number and taken off again, it rounds to the nearest integer. */
    private static final float ROUND = 0x1.8p23f;

    static long bytes(MatMul call) {
        return call.rows() * rowBytes(call.k());
    }

    /** Bytes from a row to the next. */
    static long rowBytes(long k) {
        return offsets(k) + blocks(k) * Float.BYTES;
    }

    /** Where a row's scales begin. */
    static long scales(long k) {
        return Panels.groups(k) * Panels.GROUP * Float.BYTES;
    }

    /** Where a row's offsets of sums begin. */
    static long offsets(long k) {
        return scales(k) + blocks(k) * Float.BYTES;
    }

    static long blocks(long k) {
        return (k + BLOCK - 1) / BLOCK;
    }

    @Override
    public long units() {
        return Memory.rows(call);
    }

    @Override
    public void run(long begin, long end) {
        long k = call.k();
        for (long r = begin; r < end; r++) {
            long from = call.x() + r * call.ldx() * 4;
            long to = rounded + r * rowBytes(k);
            Memory.clear(to, rowBytes(k));
            for (long block = 0; block < blocks(k); block++) {
                long column = block * BLOCK;
                long n = Math.min(BLOCK, k - column);
                long scale = to + scales(k) + block * Float.BYTES;
                long offset = to + offsets(k) + block * Float.BYTES;
                round(from + column * 4, n, to + column * 4, scale, offset);
            }
        }
    }

    private void round(long from, long n, long to, long scale, long offset) {
        int bits = 0;
        for (long i = 0; i < n; i++) {
            bits = Math.max(bits, Memory.i32(from + i * 4) & 0x7fffffff);
        }
        float largest = Float.intBitsToFloat(bits);
        if (largest < SMALLEST) {
            return;
        }
        float inverse = LIMIT / largest;
        float sum = 0;
        for (long i = 0; i < n; i++) {
            float q = Memory.f32(from + i * 4) * inverse + ROUND - ROUND;
            Memory.f32(to + i * 4, q);
            sum += q;
        }
        Memory.f32(scale, largest / LIMIT);
        Memory.f32(offset, -BlockPanels.offset(call.wType()) * sum);
    }
}
