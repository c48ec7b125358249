package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code pointwise.cu}: pointwise operations. Thread-safe. */
final class PointwiseKernels {
    private final Gpu gpu;

    PointwiseKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    List<GpuWork> add(KernelCall.Add call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("Add on " + gpu.info().name());
    }

    List<GpuWork> scale(KernelCall.Scale call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("Scale on " + gpu.info().name());
    }

    List<GpuWork> activate(KernelCall.Activate call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("Activate on " + gpu.info().name());
    }

    List<GpuWork> gatedActivate(KernelCall.GatedActivate call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("GatedActivate on " + gpu.info().name());
    }
}
