package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall.Rope;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.scalar.Memory;

import jdk.incubator.vector.FloatVector;

/** {@link Rope}; one unit is one row. */
record RopeLaunch(Rope call) implements Launch {
    @Override
    public long units() {
        return Memory.rows(call);
    }

    @Override
    public void run(long begin, long end) {
        long half = call.half() * 4;
        long headBytes = call.headDim() * 4;
        for (long r = begin; r < end; r++) {
            long x = call.x() + r * call.ldx() * 4;
            long out = call.out() + r * call.ldo() * 4;
            long cosines = call.table() + r * 2 * half;
            for (long h = 0; h < call.heads() * headBytes; h += headBytes) {
                rotate(x + h, half, cosines, out + h);
                if (x != out) {
                    long rest = h + 2 * half;
                    Spans.copy(x + rest, out + rest, headBytes - 2 * half);
                }
            }
        }
    }

    private static void rotate(long x, long half, long cosines, long out) {
        long whole = Lanes.whole(half);
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            FloatVector cosine = Lanes.load(cosines + i);
            FloatVector sine = Lanes.load(cosines + half + i);
            FloatVector low = Lanes.load(x + i);
            FloatVector high = Lanes.load(x + half + i);
            Lanes.store(out + i, low.mul(cosine).sub(high.mul(sine)));
            Lanes.store(out + half + i, high.mul(cosine).add(low.mul(sine)));
        }
        for (long i = whole; i < half; i += 4) {
            float cosine = Memory.f32(cosines + i);
            float sine = Memory.f32(cosines + half + i);
            float low = Memory.f32(x + i);
            float high = Memory.f32(x + half + i);
            Memory.f32(out + i, low * cosine - high * sine);
            Memory.f32(out + half + i, high * cosine + low * sine);
        }
    }
}
