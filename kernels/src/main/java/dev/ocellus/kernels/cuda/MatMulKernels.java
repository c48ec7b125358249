package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code matmul.cu}: linear layers. Thread-safe. */
final class MatMulKernels {
    private final Gpu gpu;
    private final Blas blas;

    /**
     * @param blas null for none
     */
    MatMulKernels(Gpu gpu, Blas blas) {
        this.gpu = gpu;
        this.blas = blas;
    }

    long scratchBytes(KernelCall.MatMul call) {
        return 0;
    }

    List<GpuWork> matMul(KernelCall.MatMul call, long scratch, Arena arena) {
        throw new UnsupportedOperationException(
                "MatMul on "
                        + gpu.info().name()
                        + (blas == null ? "" : " with " + blas.description()));
    }
}
