package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;

/** Normalisations; one unit is one row. Sums run in double in ascending order. */
final class NormLaunches {

    record RmsNorm(KernelCall.RmsNorm call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call);
        }

        @Override
        public void run(long begin, long end) {
            long groupBytes = call.cols() * 4;
            for (long r = begin; r < end; r++) {
                long x = call.x() + r * call.ldx() * 4;
                long out = call.out() + r * call.ldo() * 4;
                for (long g = 0; g < call.groups(); g++) {
                    span(x + g * groupBytes, out + g * groupBytes);
                }
            }
        }

        private void span(long x, long out) {
            double squares = 0;
            for (long i = 0; i < call.cols(); i++) {
                double v = Memory.f32(x + i * 4);
                squares += v * v;
            }
            double inverse = 1 / Math.sqrt(squares / call.cols() + call.eps());
            for (long i = 0; i < call.cols(); i++) {
                double v = Memory.f32(x + i * 4) * inverse * Memory.f32(call.weight() + i * 4);
                Memory.f32(out + i * 4, (float) v);
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
            for (long r = begin; r < end; r++) {
                row(call.x() + r * call.ldx() * 4, call.out() + r * call.ldo() * 4);
            }
        }

        private void row(long x, long out) {
            double sum = 0;
            for (long i = 0; i < call.cols(); i++) {
                sum += Memory.f32(x + i * 4);
            }
            double mean = sum / call.cols();
            double squares = 0;
            for (long i = 0; i < call.cols(); i++) {
                double v = Memory.f32(x + i * 4) - mean;
                squares += v * v;
            }
            double inverse = 1 / Math.sqrt(squares / call.cols() + call.eps());
            for (long i = 0; i < call.cols(); i++) {
                double v = (Memory.f32(x + i * 4) - mean) * inverse;
                v *= Memory.f32(call.weight() + i * 4);
                if (call.bias() != 0) {
                    v += Memory.f32(call.bias() + i * 4);
                }
                Memory.f32(out + i * 4, (float) v);
            }
        }
    }

    /** One unit is one group of an image. */
    record GroupNorm(KernelCall.GroupNorm call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call) * call.groups();
        }

        @Override
        public void run(long begin, long end) {
            for (long unit = begin; unit < end; unit++) {
                group(unit / call.groups() * call.pixels(), unit % call.groups());
            }
        }

        private void group(long firstPixel, long group) {
            long channels = call.cols() / call.groups();
            long first = group * channels;
            double sum = 0;
            for (long p = 0; p < call.pixels(); p++) {
                for (long c = first; c < first + channels; c++) {
                    sum += x(firstPixel + p, c);
                }
            }
            double mean = sum / (call.pixels() * channels);
            double squares = 0;
            for (long p = 0; p < call.pixels(); p++) {
                for (long c = first; c < first + channels; c++) {
                    double d = x(firstPixel + p, c) - mean;
                    squares += d * d;
                }
            }
            double inverse = 1 / Math.sqrt(squares / (call.pixels() * channels) + call.eps());
            for (long p = firstPixel; p < firstPixel + call.pixels(); p++) {
                for (long c = first; c < first + channels; c++) {
                    double v = (x(p, c) - mean) * inverse * Memory.f32(call.weight() + c * 4);
                    v = Functions.activate(call.activation(), v + Memory.f32(call.bias() + c * 4));
                    Memory.f32(call.out() + (p * call.ldo() + c) * 4, (float) v);
                }
            }
        }

        private float x(long pixel, long channel) {
            return Memory.f32(call.x() + (pixel * call.ldx() + channel) * 4);
        }
    }

    private NormLaunches() {}
}
