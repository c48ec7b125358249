package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code conv.cu}: convolution and group normalisation. Thread-safe. */
final class ConvKernels {
    private final Gpu gpu;
    private final Blas blas;

    /**
     * @param blas null for none
     */
    ConvKernels(Gpu gpu, Blas blas) {
        this.gpu = gpu;
        this.blas = blas;
    }

    long scratchBytes(KernelCall.Conv2d call) {
        return 0;
    }

    List<GpuWork> conv2d(KernelCall.Conv2d call, long scratch, Arena arena) {
        throw new UnsupportedOperationException(
                "Conv2d on "
                        + gpu.info().name()
                        + (blas == null ? "" : " with " + blas.description()));
    }

    long scratchBytes(KernelCall.GroupNorm call) {
        return 0;
    }

    List<GpuWork> groupNorm(KernelCall.GroupNorm call, long scratch, Arena arena) {
        throw new UnsupportedOperationException(
                "GroupNorm on "
                        + gpu.info().name()
                        + (blas == null ? "" : " with " + blas.description()));
    }
}
