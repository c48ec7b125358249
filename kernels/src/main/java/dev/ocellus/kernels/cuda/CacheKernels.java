package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code cache.cu}: writes to the key/value cache. Thread-safe. */
final class CacheKernels {
    private final Gpu gpu;

    CacheKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    List<GpuWork> kvAppend(KernelCall.KvAppend call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("KvAppend on " + gpu.info().name());
    }
}
