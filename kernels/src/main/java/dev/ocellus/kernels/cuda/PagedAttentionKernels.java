package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code paged_attention.cu}: attention over the key/value cache. Thread-safe. */
final class PagedAttentionKernels {
    private final Gpu gpu;

    PagedAttentionKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    long scratchBytes(KernelCall.PagedAttention call) {
        return 0;
    }

    List<GpuWork> pagedAttention(KernelCall.PagedAttention call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("PagedAttention on " + gpu.info().name());
    }
}
