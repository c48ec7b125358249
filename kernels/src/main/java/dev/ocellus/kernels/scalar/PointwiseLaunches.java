package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;

/** Pointwise operations on rows; one unit is one row. */
final class PointwiseLaunches {

    record Add(KernelCall.Add call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                long a = call.a() + r * call.lda() * 4;
                long b = call.b() + r % call.bRows() * call.ldb() * 4;
                long out = call.out() + r * call.ldo() * 4;
                for (long i = 0; i < call.cols(); i++) {
                    Memory.f32(out + i * 4, Memory.f32(a + i * 4) + Memory.f32(b + i * 4));
                }
            }
        }
    }

    record Scale(KernelCall.Scale call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                long x = call.x() + r * call.ldx() * 4;
                long residual = call.residual() + r * call.ldr() * 4;
                long out = call.out() + r * call.ldo() * 4;
                for (long i = 0; i < call.cols(); i++) {
                    double v = (double) Memory.f32(x + i * 4) * Memory.f32(call.scale() + i * 4);
                    if (call.residual() != 0) {
                        v += Memory.f32(residual + i * 4);
                    }
                    Memory.f32(out + i * 4, (float) v);
                }
            }
        }
    }

    record Activate(KernelCall.Activate call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                long x = call.x() + r * call.ldx() * 4;
                long out = call.out() + r * call.ldo() * 4;
                for (long i = 0; i < call.cols(); i++) {
                    double v = Memory.f32(x + i * 4);
                    Memory.f32(out + i * 4, (float) Functions.activate(call.activation(), v));
                }
            }
        }
    }

    record GatedActivate(KernelCall.GatedActivate call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                long gate = call.gate() + r * call.ldg() * 4;
                long up = call.up() + r * call.ldu() * 4;
                long out = call.out() + r * call.ldo() * 4;
                for (long i = 0; i < call.cols(); i++) {
                    double g = Functions.activate(call.activation(), Memory.f32(gate + i * 4));
                    Memory.f32(out + i * 4, (float) (g * Memory.f32(up + i * 4)));
                }
            }
        }
    }

    private PointwiseLaunches() {}
}
