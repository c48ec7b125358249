package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

/**
 * {@link MatMul}. One unit is one panel of outputs for a block of rows; sixteen sums at a time are
 * kept in local variables and handed to the epilogue through the unit's place in {@code scratch}.
 *
 * @param x activations, rounded beforehand where the compute type says so
 */
record MatMulLaunch(MatMul call, long x, long ldx, long scratch) implements Launch {
    private static final long ROW_BLOCK = 16;
    private static final long LANE_BYTES = 4;
    private static final long HALF_PANEL = Panels.ROWS / 2;

    /** Bytes of the sums of one unit. */
    private static final long SUM_BYTES = Panels.ROWS * Float.BYTES;

    static void check(MatMul call) {
        if (!Panels.supports(call.wType())) {
            throw new IllegalArgumentException(
                    "MatMul: weights of type "
                            + call.wType()
                            + "; panels hold F32, F16, BF16, Q8, Q4 or F8");
        }
        if (call.compute() == ComputeType.BF16 && call.wType() != DType.BF16) {
            throw new IllegalArgumentException(
                    "MatMul: compute type BF16 is for BF16 weights, not " + call.wType());
        }
        if (call.wType() == DType.F8) {
            throw new IllegalArgumentException(
                    "MatMul: the processor has no products with F8 weights");
        }
        if ((call.compute() == ComputeType.INT8) != call.wType().isBlock()) {
            throw new IllegalArgumentException(
                    "MatMul: compute type INT8 is for Q8 and Q4 weights and they are for it; got "
                            + call.compute()
                            + " with "
                            + call.wType());
        }
        if (call.gated() != 0 && (call.bias() != 0 || call.scale() != 0)) {
            throw new IllegalArgumentException("MatMul: a gated product has no bias and no scale");
        }
    }

    /** Bytes of all sums; the rounded activations, if any, follow them. */
    static long sumBytes(MatMul call) {
        return Panels.count(call.n()) * blocks(call.rows()) * SUM_BYTES;
    }

    private static long blocks(long rows) {
        return (rows + ROW_BLOCK - 1) / ROW_BLOCK;
    }

    @Override
    public long units() {
        return Panels.count(call.n()) * blocks(Memory.rows(call));
    }

    @Override
    public void run(long begin, long end) {
        long rows = Memory.rows(call);
        long blocks = blocks(rows);
        for (long unit = begin; unit < end; unit++) {
            long panel = unit / blocks;
            long first = unit % blocks * ROW_BLOCK;
            long sums = scratch + unit * SUM_BYTES;
            for (long r = first; r < Math.min(first + ROW_BLOCK, rows); r++) {
                if (call.gated() != 0) {
                    gatedRow(r, panel, sums);
                } else {
                    row(r, panel, sums);
                }
            }
        }
    }

    private void row(long r, long panel, long sums) {
        long w = call.w() + panel * Panels.panelBytes(call.wType(), call.k());
        dot(r, w, 0, w, HALF_PANEL, sums);
        long j = panel * Panels.ROWS;
        for (long lane = 0; lane < Math.min(Panels.ROWS, call.n() - j); lane++) {
            double sum = Memory.f32(sums + lane * 4);
            if (call.bias() != 0) {
                sum += Memory.f32(call.bias() + (j + lane) * 4);
            }
            double value = Functions.activate(call.activation(), sum);
            if (call.scale() != 0) {
                value *= Memory.f32(call.scale() + (j + lane) * 4);
            }
            store(r, j + lane, value);
        }
    }

    private void gatedRow(long r, long panel, long sums) {
        long panelBytes = Panels.panelBytes(call.wType(), call.k());
        long gate = call.w() + 2 * panel * panelBytes;
        long up = gate + panelBytes;
        for (long half = 0; half < Panels.ROWS; half += HALF_PANEL) {
            dot(r, gate, half, up, half, sums);
            long j = panel * Panels.ROWS + half;
            for (long lane = 0; lane < Math.min(HALF_PANEL, call.n() - j); lane++) {
                Activation activation = call.activation();
                double g = Functions.activate(activation, (double) Memory.f32(sums + lane * 4));
                store(r, j + lane, g * Memory.f32(sums + (HALF_PANEL + lane) * 4));
            }
        }
    }

    private void store(long r, long j, double value) {
        if (call.residual() != 0) {
            value += Memory.f32(call.residual() + (r * call.ldr() + j) * 4);
        }
        Memory.f32(call.out() + (r * call.ldo() + j) * 4, (float) value);
    }

    /**
     * Sums of row r with eight weight rows of panel {@code a}, from a lane on, and eight of panel
     * {@code b}, to {@code sums}.
     */
    private void dot(long r, long a, long aLane, long b, long bLane, long sums) {
        long row = x + r * ldx * 4;
        DType type = call.wType();
        long aWords = a + aLane * LANE_BYTES;
        long bWords = b + bLane * LANE_BYTES;
        switch (type) {
            case F32 -> dotSingles(row, aWords, bWords, call.k(), sums);
            case F16, BF16 -> dotHalves(row, aWords, bWords, call.k(), type == DType.F16, sums);
            default -> {
                BlockProducts.eightSums(type, row, a, aLane, call.k(), sums);
                BlockProducts.eightSums(type, row, b, bLane, call.k(), sums + SUM_BYTES / 2);
            }
        }
    }

    private static void dotSingles(long x, long a, long b, long k, long sums) {
        float a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0;
        float b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0, b7 = 0;
        for (long i = 0; i < k; i++) {
            float v = Memory.f32(x + i * 4);
            long p = a + i * 64;
            a0 = Math.fma(v, Memory.f32(p), a0);
            a1 = Math.fma(v, Memory.f32(p + 4), a1);
            a2 = Math.fma(v, Memory.f32(p + 8), a2);
            a3 = Math.fma(v, Memory.f32(p + 12), a3);
            a4 = Math.fma(v, Memory.f32(p + 16), a4);
            a5 = Math.fma(v, Memory.f32(p + 20), a5);
            a6 = Math.fma(v, Memory.f32(p + 24), a6);
            a7 = Math.fma(v, Memory.f32(p + 28), a7);
            long q = b + i * 64;
            b0 = Math.fma(v, Memory.f32(q), b0);
            b1 = Math.fma(v, Memory.f32(q + 4), b1);
            b2 = Math.fma(v, Memory.f32(q + 8), b2);
            b3 = Math.fma(v, Memory.f32(q + 12), b3);
            b4 = Math.fma(v, Memory.f32(q + 16), b4);
            b5 = Math.fma(v, Memory.f32(q + 20), b5);
            b6 = Math.fma(v, Memory.f32(q + 24), b6);
            b7 = Math.fma(v, Memory.f32(q + 28), b7);
        }
        storeEight(sums, a0, a1, a2, a3, a4, a5, a6, a7);
        storeEight(sums + 32, b0, b1, b2, b3, b4, b5, b6, b7);
    }

    /** A lane holds two consecutive k; for odd k the last upper half is padding. */
    private static void dotHalves(long x, long a, long b, long k, boolean f16, long sums) {
        float a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0;
        float b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0, b7 = 0;
        for (long i = 0; i < k / 2; i++) {
            float v = Memory.f32(x + i * 8);
            float w = Memory.f32(x + i * 8 + 4);
            long p = a + i * 64;
            a0 = pair(v, w, Memory.i32(p), f16, a0);
            a1 = pair(v, w, Memory.i32(p + 4), f16, a1);
            a2 = pair(v, w, Memory.i32(p + 8), f16, a2);
            a3 = pair(v, w, Memory.i32(p + 12), f16, a3);
            a4 = pair(v, w, Memory.i32(p + 16), f16, a4);
            a5 = pair(v, w, Memory.i32(p + 20), f16, a5);
            a6 = pair(v, w, Memory.i32(p + 24), f16, a6);
            a7 = pair(v, w, Memory.i32(p + 28), f16, a7);
            long q = b + i * 64;
            b0 = pair(v, w, Memory.i32(q), f16, b0);
            b1 = pair(v, w, Memory.i32(q + 4), f16, b1);
            b2 = pair(v, w, Memory.i32(q + 8), f16, b2);
            b3 = pair(v, w, Memory.i32(q + 12), f16, b3);
            b4 = pair(v, w, Memory.i32(q + 16), f16, b4);
            b5 = pair(v, w, Memory.i32(q + 20), f16, b5);
            b6 = pair(v, w, Memory.i32(q + 24), f16, b6);
            b7 = pair(v, w, Memory.i32(q + 28), f16, b7);
        }
        storeEight(sums, a0, a1, a2, a3, a4, a5, a6, a7);
        storeEight(sums + 32, b0, b1, b2, b3, b4, b5, b6, b7);
        if (k % 2 != 0) {
            addLast(Memory.f32(x + (k - 1) * 4), a + k / 2 * 64, f16, sums);
            addLast(Memory.f32(x + (k - 1) * 4), b + k / 2 * 64, f16, sums + 32);
        }
    }

    /** Adds the product with an odd last column to eight sums. */
    private static void addLast(float v, long weights, boolean f16, long sums) {
        for (long lane = 0; lane < HALF_PANEL; lane++) {
            float weight = widened(Memory.i16(weights + lane * LANE_BYTES), f16);
            Memory.f32(sums + lane * 4, Math.fma(v, weight, Memory.f32(sums + lane * 4)));
        }
    }

    private static float pair(float v, float w, int weights, boolean f16, float sum) {
        sum = Math.fma(v, widened((short) weights, f16), sum);
        return Math.fma(w, widened((short) (weights >> 16), f16), sum);
    }

    private static float widened(short bits, boolean f16) {
        return f16 ? Conversions.f16ToFloat(bits) : Conversions.bf16ToFloat(bits);
    }

    private static void storeEight(
            long to,
            float s0,
            float s1,
            float s2,
            float s3,
            float s4,
            float s5,
            float s6,
            float s7) {
        Memory.f32(to, s0);
        Memory.f32(to + 4, s1);
        Memory.f32(to + 8, s2);
        Memory.f32(to + 12, s3);
        Memory.f32(to + 16, s4);
        Memory.f32(to + 20, s5);
        Memory.f32(to + 24, s6);
        Memory.f32(to + 28, s7);
    }

    /** Rounds the activations to bfloat16, as rows of k float32 without gaps. One unit is a row. */
    record RoundActivations(MatMul call, long rounded) implements Launch {
        static long bytes(MatMul call) {
            return call.compute() == ComputeType.BF16 ? call.rows() * call.k() * 4 : 0;
        }

        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                long from = call.x() + r * call.ldx() * 4;
                long to = rounded + r * call.k() * 4;
                for (long i = 0; i < call.k(); i++) {
                    short bits = Conversions.floatToBf16(Memory.f32(from + i * 4));
                    Memory.f32(to + i * 4, Conversions.bf16ToFloat(bits));
                }
            }
        }
    }
}
