package dev.ocellus.device;

import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuOutOfMemoryException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory of a GPU for weights, workspaces and caches. */
final class CudaMemory {
    private static final double GIB = 1L << 30;

    private CudaMemory() {}

    /** What memory is for, and what a user can do when there is too little of it. */
    enum Use {
        WEIGHTS("the weights", "pack them smaller (--weights q8 or q4)"),
        WORKSPACE("the workspace of a plan", "pack the weights smaller (--weights q8 or q4)"),
        PAGE("a page of the key/value cache", "close sessions or choose a smaller context"),
        STATE("the state of a sequence", "close sessions or choose a smaller context");

        private final String what;
        private final String wayOut;

        Use(String what, String wayOut) {
            this.what = what;
            this.wayOut = wayOut;
        }
    }

    /**
     * Memory at least {@value dev.ocellus.kernels.cuda.GpuMemory#ALIGNMENT}-byte aligned, owned by
     * the arena.
     *
     * @throws DeviceMemoryException if there is too little
     */
    static MemorySegment allocate(Gpu gpu, long bytes, Arena arena, Use use) {
        try {
            return gpu.memory().allocate(bytes, arena);
        } catch (GpuOutOfMemoryException e) {
            throw new DeviceMemoryException(
                    "GPU %d (%s): %s needs %.2f GiB and %.2f of %.2f GiB are free; %s, end other programs on this GPU, or run on the processor (--device cpu)"
                            .formatted(
                                    gpu.info().ordinal(),
                                    gpu.info().name(),
                                    use.what,
                                    bytes / GIB,
                                    e.free() / GIB,
                                    gpu.memory().total() / GIB,
                                    use.wayOut),
                    bytes,
                    e.free(),
                    e);
        }
    }
}
