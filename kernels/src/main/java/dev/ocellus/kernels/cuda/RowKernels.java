package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code rows.cu}: operations that choose rows. Thread-safe. */
final class RowKernels {
    private final Gpu gpu;

    RowKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    List<GpuWork> gather(KernelCall.Gather call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("Gather on " + gpu.info().name());
    }

    List<GpuWork> selectRows(KernelCall.SelectRows call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("SelectRows on " + gpu.info().name());
    }
}
