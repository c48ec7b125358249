package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code pointwise.cu}: sums, scales and activations. Thread-safe. */
final class PointwiseKernels {
    private final FlatLaunch flat;

    PointwiseKernels(Gpu gpu) {
        flat = new FlatLaunch(gpu, "pointwise");
    }

    List<GpuWork> add(KernelCall.Add call, long scratch, Arena arena) {
        return quads("add", call.cols(), call, scratch, arena);
    }

    List<GpuWork> scale(KernelCall.Scale call, long scratch, Arena arena) {
        return quads("scale", call.cols(), call, scratch, arena);
    }

    List<GpuWork> activate(KernelCall.Activate call, long scratch, Arena arena) {
        return quads("activate_rows", call.cols(), call, scratch, arena);
    }

    List<GpuWork> gatedActivate(KernelCall.GatedActivate call, long scratch, Arena arena) {
        return quads("gated_activate", call.cols(), call, scratch, arena);
    }

    private List<GpuWork> quads(
            String kernel, long cols, KernelCall call, long scratch, Arena arena) {
        return flat.one(kernel, FlatLaunch.quads(call.rows(), cols), call, scratch, arena);
    }
}
