package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;

/** The two passes of resampling an 8-bit image. */
final class ResizeLaunches {
    private static final long CHANNELS = 3;
    private static final int PRECISION_BITS = 22;
    private static final int HALF = 1 << (PRECISION_BITS - 1);

    /** Rows of a unit, a multiple of {@link #QUAD}. */
    private static final long UNIT_ROWS = 16;

    /** Rows whose samples lie side by side between the passes. */
    private static final long QUAD = 4;

    private static int clip(int sum) {
        return Math.clamp(sum >> PRECISION_BITS, 0, 255);
    }

    record Rows(KernelCall.ResizeRows call) implements Launch {
        @Override
        public long units() {
            return (Memory.rows(call) + UNIT_ROWS - 1) / UNIT_ROWS;
        }

        @Override
        public void run(long begin, long end) {
            long rows = Memory.rows(call);
            long padded = (rows + QUAD - 1) / QUAD * QUAD;
            for (long r = begin * UNIT_ROWS; r < Math.min(end * UNIT_ROWS, padded); r++) {
                long out = call.out() + r / QUAD * call.ldo() + r % QUAD;
                if (r < rows) {
                    row(call.x() + r * call.ldx(), out);
                } else {
                    for (long s = 0; s < call.cols() * CHANNELS; s++) {
                        Memory.u8(out + s * QUAD, 0);
                    }
                }
            }
        }

        private void row(long x, long out) {
            for (long j = 0; j < call.cols(); j++) {
                long first = Memory.i32(call.first() + j * 4);
                long count = Math.min(call.taps(), call.inCols() - first);
                long weights = call.weights() + j * call.taps() * 4;
                long pixel = x + first * CHANNELS;
                int r = HALF;
                int g = HALF;
                int b = HALF;
                for (long t = 0; t < count; t++, pixel += CHANNELS) {
                    int weight = Memory.i32(weights + t * 4);
                    r += weight * Memory.u8(pixel);
                    g += weight * Memory.u8(pixel + 1);
                    b += weight * Memory.u8(pixel + 2);
                }
                long to = out + j * CHANNELS * QUAD;
                Memory.u8(to, clip(r));
                Memory.u8(to + QUAD, clip(g));
                Memory.u8(to + 2 * QUAD, clip(b));
            }
        }
    }

    record Planes(KernelCall.ResizePlanes call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            for (long r = begin; r < end; r++) {
                for (long j = 0; j < call.cols(); j++) {
                    for (long c = 0; c < CHANNELS; c++) {
                        long value = call.table() + (c * 256 + sample(r, j * CHANNELS + c)) * 4;
                        long place = c * call.planeStride() + r * call.ldo() + j;
                        Memory.f32(call.out() + place * 4, Memory.f32(value));
                    }
                }
            }
        }

        private int sample(long row, long s) {
            long first = Memory.i32(call.first() + row * 4);
            long weights = call.weights() + row * call.taps() * 4;
            int sum = HALF;
            for (long t = 0; t < call.taps(); t += QUAD) {
                long quad = (first + t) / QUAD % call.ring();
                int four = Memory.i32(call.x() + quad * call.ldx() + s * QUAD);
                for (int i = 0; i < QUAD; i++) {
                    sum += Memory.i32(weights + (t + i) * 4) * (four >> 8 * i & 0xff);
                }
            }
            return clip(sum);
        }
    }

    private ResizeLaunches() {}
}
