package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.Conv2d;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

/** {@link Conv2d}, one sum at a time; one unit is one output pixel. */
record Conv2dLaunch(Conv2d call) implements Launch {

    static void check(Conv2d call) {
        if (!Panels.supports(call.wType())) {
            throw new IllegalArgumentException(
                    "Conv2d: weights of type " + call.wType() + "; panels hold F32, F16 or BF16");
        }
        if (call.compute() == ComputeType.BF16 && call.wType() != DType.BF16) {
            throw new IllegalArgumentException(
                    "Conv2d: compute type BF16 is for BF16 weights, not " + call.wType());
        }
    }

    @Override
    public long units() {
        return Memory.rows(call) * call.outHeight() * call.outWidth();
    }

    @Override
    public void run(long begin, long end) {
        for (long pixel = begin; pixel < end; pixel++) {
            for (long j = 0; j < call.n(); j++) {
                double value = sum(pixel, j);
                if (call.bias() != 0) {
                    value += Memory.f32(call.bias() + j * 4);
                }
                value = Functions.activate(call.activation(), value);
                if (call.residual() != 0) {
                    value += Memory.f32(call.residual() + (pixel * call.ldr() + j) * 4);
                }
                Memory.f32(call.out() + (pixel * call.ldo() + j) * 4, (float) value);
            }
        }
    }

    private float sum(long pixel, long j) {
        long area = call.outHeight() * call.outWidth();
        long image = pixel / area * call.height();
        long top = pixel % area / call.outWidth() * call.stride() - call.padTop();
        long left = pixel % call.outWidth() * call.stride() - call.padLeft();
        float sum = 0;
        long k = 0;
        for (long ky = 0; ky < call.kernelHeight(); ky++) {
            for (long kx = 0; kx < call.kernelWidth(); kx++) {
                long y = top + ky * call.dilation();
                long x = left + kx * call.dilation();
                boolean inside = y >= 0 && y < call.height() && x >= 0 && x < call.width();
                long from = call.x() + ((image + y) * call.width() + x) * call.ldx() * 4;
                for (long c = 0; c < call.inCols(); c++, k++) {
                    float value = inside ? activation(from + c * 4) : 0;
                    sum = Math.fma(value, weight(j, k), sum);
                }
            }
        }
        return sum;
    }

    private float activation(long address) {
        float value = Memory.f32(address);
        return call.compute() == ComputeType.BF16
                ? Conversions.bf16ToFloat(Conversions.floatToBf16(value))
                : value;
    }

    private float weight(long j, long k) {
        long offset = Panels.offset(call.wType(), j, k, call.k());
        return Memory.widened(call.wType(), call.w() + offset);
    }
}
