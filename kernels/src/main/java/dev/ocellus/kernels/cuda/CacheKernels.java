package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.tensor.DType;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code cache.cu}: writes to the key/value cache. Thread-safe. */
final class CacheKernels {
    private static final int THREADS = 256;
    private static final int WARP = 32;
    private static final long MAX_ROW_BLOCKS = 65535;

    private final Gpu gpu;

    CacheKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    List<GpuWork> kvAppend(KernelCall.KvAppend call, long scratch, Arena arena) {
        boolean blocks = call.cacheType() == DType.Q8;
        // A warp makes a block.
        long elements =
                blocks ? Math.ceilDiv(call.headDim(), DType.BLOCK_ELEMENTS) * WARP : call.headDim();
        long threads = 2 * call.kvHeads() * elements;
        return List.of(
                KernelLaunch.of(
                        gpu.function("cache", blocks ? "kv_append_blocks" : "kv_append"),
                        Grid.of(
                                Math.ceilDiv(threads, THREADS),
                                Math.min(call.rows(), MAX_ROW_BLOCKS)),
                        THREADS,
                        0,
                        call,
                        scratch,
                        arena));
    }
}
