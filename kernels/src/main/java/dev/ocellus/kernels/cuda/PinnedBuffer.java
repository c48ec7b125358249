package dev.ocellus.kernels.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
import static jcuda.driver.JCudaDriver.cuMemAllocHost;
import static jcuda.driver.JCudaDriver.cuMemFreeHost;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Host memory that the GPU reaches without the processor's help: copies from and to it run beside
 * everything else. Thread-safe; close it when no copy is under way.
 */
public final class PinnedBuffer implements AutoCloseable {
    private final Gpu gpu;
    private final Arena arena = Arena.ofShared();
    private final Addresses.Pinned pointer = new Addresses.Pinned();
    private final MemorySegment segment;

    /**
     * Allocates a buffer, of undefined content.
     *
     * @throws CudaException if the host has no such memory left
     */
    public static PinnedBuffer allocate(Gpu gpu, long bytes) {
        return new PinnedBuffer(gpu, bytes);
    }

    private PinnedBuffer(Gpu gpu, long bytes) {
        this.gpu = gpu;
        gpu.enter();
        int result = cuMemAllocHost(pointer, Math.max(bytes, 1));
        if (result == CUDA_ERROR_OUT_OF_MEMORY) {
            throw new CudaException(
                    "the system gives no %d bytes of pinned memory; free memory, or raise the limit (ulimit -l)"
                            .formatted(bytes));
        }
        gpu.check(result, "cuMemAllocHost of " + bytes + " bytes");
        segment = MemorySegment.ofAddress(pointer.address()).reinterpret(bytes, arena, null);
        gpu.remember(this);
    }

    /** The memory, for any thread, until the buffer is closed. */
    public MemorySegment segment() {
        return segment;
    }

    @Override
    public synchronized void close() {
        if (!arena.scope().isAlive()) {
            return;
        }
        arena.close();
        gpu.forget(this);
        if (gpu.enterToFree()) {
            gpu.check(cuMemFreeHost(pointer), "cuMemFreeHost");
        }
    }
}
