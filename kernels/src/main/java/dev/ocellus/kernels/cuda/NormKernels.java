package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code norm.cu}: normalisations. Thread-safe. */
final class NormKernels {
    private final Gpu gpu;

    NormKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    List<GpuWork> rmsNorm(KernelCall.RmsNorm call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("RmsNorm on " + gpu.info().name());
    }

    List<GpuWork> layerNorm(KernelCall.LayerNorm call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("LayerNorm on " + gpu.info().name());
    }
}
