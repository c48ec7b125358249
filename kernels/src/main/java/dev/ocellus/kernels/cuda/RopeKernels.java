package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code rope.cu}: rotary embedding. Thread-safe. */
final class RopeKernels {
    private final Gpu gpu;

    RopeKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    List<GpuWork> ropeTable(KernelCall.RopeTable call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("RopeTable on " + gpu.info().name());
    }

    List<GpuWork> rope(KernelCall.Rope call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("Rope on " + gpu.info().name());
    }
}
