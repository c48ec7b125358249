package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

/**
 * Products of {@link ComputeType#INT8}. A row of activations becomes its integers, padded to whole
 * groups, and then a float32 scale for each block.
 */
final class BlockProducts {
    private static final int BLOCK = DType.BLOCK_ELEMENTS;
    private static final int LIMIT = 127;
    private static final float SMALLEST = 0x1p-100f;

    /** Bytes of a group of integers and its scales. */
    private static final long GROUP_BYTES = Panels.GROUP + Panels.GROUP / BLOCK * Float.BYTES;

    /** Floats that a row of quantised activations takes the place of. */
    static long rowFloats(long k) {
        return Panels.groups(k) * GROUP_BYTES / Float.BYTES;
    }

    /**
     * Sums of a row with eight weight rows of a panel, from {@code lane} on, to {@code sums}.
     *
     * @param x quantised activations
     */
    static void eightSums(DType type, long x, long panel, long lane, long k, long sums) {
        Memory.clear(sums, 8 * Float.BYTES);
        long scales = x + Panels.groups(k) * Panels.GROUP;
        for (long block = 0; block * BLOCK < k; block++) {
            long column = block * BLOCK;
            long w = panel + Panels.offset(type, lane, column, k);
            long wScale = panel + Panels.scaleOffset(type, lane, column, k);
            float xScale = Memory.f32(scales + block * Float.BYTES);
            for (long i = 0; i < 8; i++) {
                int dot =
                        type == DType.Q8
                                ? dotBytes(x + column, w + i * 4)
                                : dotNibbles(x + column, w + i * 4);
                float scaled = dot * Conversions.f16ToFloat(Memory.i16(wScale + i * 2));
                long sum = sums + i * Float.BYTES;
                Memory.f32(sum, Math.fma(scaled, xScale, Memory.f32(sum)));
            }
        }
    }

    private static int dotBytes(long x, long w) {
        int dot = 0;
        for (long word = 0; word < BLOCK / 4; word++) {
            int q = Memory.i32(w + word * Panels.ROWS * 4) ^ 0x80808080;
            dot += fourProducts(Memory.i32(x + word * 4), q);
        }
        return dot;
    }

    private static int dotNibbles(long x, long w) {
        int dot = 0;
        for (long word = 0; word < BLOCK / 8; word++) {
            int q = Memory.i32(w + word * Panels.ROWS * 4);
            dot += fourProducts(Memory.i32(x + word * 4), signed(q));
            dot += fourProducts(Memory.i32(x + BLOCK / 2 + word * 4), signed(q >>> 4));
        }
        return dot;
    }

    /** The lower half of each byte less eight, as signed bytes. */
    private static int signed(int nibbles) {
        // With the upper bit set, no byte borrows from its neighbour.
        return (nibbles & 0x0f0f0f0f | 0x80808080) - 0x08080808 ^ 0x80808080;
    }

    private static int fourProducts(int a, int b) {
        return (byte) a * (byte) b
                + (byte) (a >> 8) * (byte) (b >> 8)
                + (byte) (a >> 16) * (byte) (b >> 16)
                + (a >> 24) * (b >> 24);
    }

    /** Rounds the activations. One unit is a row. */
    record QuantizeActivations(MatMul call, long quantized) implements Launch {
        static long bytes(MatMul call) {
            return call.compute() == ComputeType.INT8
                    ? call.rows() * rowFloats(call.k()) * Float.BYTES
                    : 0;
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
                long to = quantized + r * rowFloats(k) * 4;
                long scales = to + Panels.groups(k) * Panels.GROUP;
                Memory.clear(to, rowFloats(k) * 4);
                for (long column = 0; column < k; column += BLOCK) {
                    long n = Math.min(BLOCK, k - column);
                    float scale = block(from + column * 4, n, to + column);
                    Memory.f32(scales + column / BLOCK * 4, scale);
                }
            }
        }

        /** Rounds n values and returns their scale, which is not finite if one of them isn't. */
        private static float block(long from, long n, long to) {
            int bits = 0;
            for (long i = 0; i < n; i++) {
                bits = Math.max(bits, Memory.i32(from + i * 4) & 0x7fffffff);
            }
            float largest = Float.intBitsToFloat(bits);
            if (largest < SMALLEST) {
                return 0;
            }
            float inverse = LIMIT / largest;
            for (long i = 0; i < n; i++) {
                Memory.i8(to + i, (int) Math.rint(Memory.f32(from + i * 4) * inverse));
            }
            return largest / LIMIT;
        }
    }

    private BlockProducts() {}
}
