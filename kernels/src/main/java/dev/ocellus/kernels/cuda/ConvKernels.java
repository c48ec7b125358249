package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/**
 * Launches of {@code conv.cu} and {@code group_norm.cu}: convolution and group normalisation.
 * Thread-safe.
 */
final class ConvKernels {
    private static final int CONV_THREADS = 256;

    /** Pixels and outputs of a block of a convolution. */
    private static final long CONV_PIXELS = 128;

    private static final long CONV_OUTPUTS = 64;

    /** Pixels whose sums a group normalisation takes together. */
    private static final long NORM_PIXELS = 64;

    private final Gpu gpu;
    private final FlatLaunch norm;

    ConvKernels(Gpu gpu) {
        this.gpu = gpu;
        norm = new FlatLaunch(gpu, "group_norm");
    }

    List<GpuWork> conv2d(KernelCall.Conv2d call, long scratch, Arena arena) {
        long pixels = Math.multiplyExact(call.rows(), call.outHeight() * call.outWidth());
        Grid grid =
                Grid.of(
                        Math.max(1, FlatLaunch.ceilDiv(pixels, CONV_PIXELS)),
                        FlatLaunch.ceilDiv(call.n(), CONV_OUTPUTS));
        GpuFunction kernel = gpu.function("conv", convolution(call));
        return List.of(KernelLaunch.of(kernel, grid, CONV_THREADS, 0, call, scratch, arena));
    }

    private static String convolution(KernelCall.Conv2d call) {
        if (call.compute() == ComputeType.BF16) {
            return "conv2d_bf16_mma";
        }
        return switch (call.wType()) {
            case F32 -> "conv2d_f32";
            case F16 -> "conv2d_f16";
            case BF16 -> "conv2d_bf16";
            default -> throw new IllegalArgumentException("no convolution with " + call.wType());
        };
    }

    /** For each image two values for each channel: of each block of pixels, and of them all. */
    long scratchBytes(KernelCall.GroupNorm call) {
        long values = Math.multiplyExact(call.rows() * (blocks(call) + 1), 2 * call.cols());
        return Math.multiplyExact(values, Float.BYTES);
    }

    List<GpuWork> groupNorm(KernelCall.GroupNorm call, long scratch, Arena arena) {
        long sums = Math.multiplyExact(call.rows() * blocks(call), call.cols());
        long groups = call.rows() * call.groups();
        long quads = FlatLaunch.quads(call.rows() * call.pixels(), call.cols());
        return List.of(
                norm.bind("group_norm_sums", sums, call, scratch, arena),
                norm.bind("group_norm_scales", groups * FlatLaunch.THREADS, call, scratch, arena),
                norm.bind("group_norm", quads, call, scratch, arena));
    }

    private static long blocks(KernelCall.GroupNorm call) {
        return FlatLaunch.ceilDiv(call.pixels(), NORM_PIXELS);
    }
}
