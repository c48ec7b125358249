package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code attention.cu}: attention inside segments. Thread-safe. */
final class AttentionKernels {
    private final Gpu gpu;

    AttentionKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    long scratchBytes(KernelCall.Attention call) {
        return 0;
    }

    List<GpuWork> attention(KernelCall.Attention call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("Attention on " + gpu.info().name());
    }
}
