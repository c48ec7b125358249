package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.scalar.Memory;

import jdk.incubator.vector.FloatVector;

/**
 * Normalisations; one unit is one row. Sums run in float32 lanes, which are added in ascending
 * order in double precision.
 */
final class NormLaunches {

    record RmsNorm(KernelCall.RmsNorm call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            long bytes = call.cols() * 4;
            for (long r = begin; r < end; r++) {
                long x = call.x() + r * call.ldx() * 4;
                long out = call.out() + r * call.ldo() * 4;
                for (long g = 0; g < call.groups() * bytes; g += bytes) {
                    double mean = squares(x + g, bytes, 0) / call.cols();
                    float scale = (float) (1 / Math.sqrt(mean + call.eps()));
                    normalise(x + g, bytes, 0, scale, call.weight(), out + g);
                }
            }
        }
    }

    record LayerNorm(KernelCall.LayerNorm call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            long bytes = call.cols() * 4;
            for (long r = begin; r < end; r++) {
                long x = call.x() + r * call.ldx() * 4;
                long out = call.out() + r * call.ldo() * 4;
                float mean = (float) (sum(x, bytes) / call.cols());
                double variance = squares(x, bytes, mean) / call.cols();
                float scale = (float) (1 / Math.sqrt(variance + call.eps()));
                normalise(x, bytes, mean, scale, call.weight(), out);
                if (call.bias() != 0) {
                    Spans.add(out, call.bias(), out, bytes);
                }
            }
        }
    }

    private static double sum(long x, long bytes) {
        long whole = Lanes.whole(bytes);
        FloatVector s = Lanes.all(0);
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            s = s.add(Lanes.load(x + i));
        }
        double sum = sumOfLanes(s);
        for (long i = whole; i < bytes; i += 4) {
            sum += Memory.f32(x + i);
        }
        return sum;
    }

    /** Sum of (x - center)^2. */
    private static double squares(long x, long bytes, float center) {
        long whole = Lanes.whole(bytes);
        FloatVector c = Lanes.all(center);
        FloatVector s = Lanes.all(0);
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            FloatVector d = Lanes.load(x + i).sub(c);
            s = d.fma(d, s);
        }
        double sum = sumOfLanes(s);
        for (long i = whole; i < bytes; i += 4) {
            double d = Memory.f32(x + i) - center;
            sum += d * d;
        }
        return sum;
    }

    private static double sumOfLanes(FloatVector v) {
        long lanes = Workspace.address();
        Lanes.store(lanes, v);
        double sum = 0;
        for (long i = 0; i < Lanes.BYTES; i += 4) {
            sum += Memory.f32(lanes + i);
        }
        return sum;
    }

    /** {@code out = (x - center) * scale * weight}. */
    private static void normalise(
            long x, long bytes, float center, float scale, long weight, long out) {
        long whole = Lanes.whole(bytes);
        FloatVector c = Lanes.all(center);
        FloatVector s = Lanes.all(scale);
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            FloatVector v = Lanes.load(x + i).sub(c).mul(s);
            Lanes.store(out + i, v.mul(Lanes.load(weight + i)));
        }
        for (long i = whole; i < bytes; i += 4) {
            float v = (Memory.f32(x + i) - center) * scale;
            Memory.f32(out + i, v * Memory.f32(weight + i));
        }
    }

    private NormLaunches() {}
}
