package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.scalar.Memory;

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
                Spans.add(a, b, call.out() + r * call.ldo() * 4, call.cols() * 4);
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
            long bytes = call.cols() * 4;
            for (long r = begin; r < end; r++) {
                long out = call.out() + r * call.ldo() * 4;
                Spans.copy(call.x() + r * call.ldx() * 4, out, bytes);
                Functions.activate(call.activation(), out, bytes);
            }
        }
    }

    /** In pieces, since the output may lie where the other factor is. */
    record GatedActivate(KernelCall.GatedActivate call) implements Launch {
        private static final long PIECE = 4096;

        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            long activated = Workspace.address() + PIECE;
            for (long r = begin; r < end; r++) {
                long gate = call.gate() + r * call.ldg() * 4;
                long up = call.up() + r * call.ldu() * 4;
                long out = call.out() + r * call.ldo() * 4;
                for (long i = 0; i < call.cols() * 4; i += PIECE) {
                    long bytes = Math.min(PIECE, call.cols() * 4 - i);
                    Spans.copy(gate + i, activated, bytes);
                    Functions.activate(call.activation(), activated, bytes);
                    Spans.multiply(activated, up + i, out + i, bytes);
                }
            }
        }
    }

    private PointwiseLaunches() {}
}
