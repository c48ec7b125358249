package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;

/** Rotary embedding; one unit is one row. */
final class RopeLaunches {

    record RopeTable(KernelCall.RopeTable call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            long half = call.half();
            for (long r = begin; r < end; r++) {
                float position = Memory.i32(call.position() + r * 4);
                long sequence = Memory.i32(call.sequence() + r * 4);
                long invFreq = call.invFreq() + sequence * half * 4;
                double scale = Memory.f32(call.scale() + sequence * 4);
                long out = call.out() + r * 2 * half * 4;
                for (long j = 0; j < half; j++) {
                    float angle = position * Memory.f32(invFreq + j * 4);
                    Memory.f32(out + j * 4, (float) (Math.cos(angle) * scale));
                    Memory.f32(out + (half + j) * 4, (float) (Math.sin(angle) * scale));
                }
            }
        }
    }

    record Rope(KernelCall.Rope call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                long x = call.x() + r * call.ldx() * 4;
                long out = call.out() + r * call.ldo() * 4;
                long table = call.table() + r * 2 * call.half() * 4;
                for (long h = 0; h < call.heads(); h++) {
                    long offset = h * call.headDim() * 4;
                    head(x + offset, out + offset, table);
                }
            }
        }

        private void head(long x, long out, long table) {
            long halfBytes = call.half() * 4;
            for (long i = 0; i < halfBytes; i += 4) {
                double cos = Memory.f32(table + i);
                double sin = Memory.f32(table + halfBytes + i);
                double first = Memory.f32(x + i);
                double second = Memory.f32(x + halfBytes + i);
                Memory.f32(out + i, (float) (first * cos - second * sin));
                Memory.f32(out + halfBytes + i, (float) (second * cos + first * sin));
            }
            long rest = 2 * halfBytes;
            Memory.copy(x + rest, out + rest, call.headDim() * 4 - rest);
        }
    }

    private RopeLaunches() {}
}
