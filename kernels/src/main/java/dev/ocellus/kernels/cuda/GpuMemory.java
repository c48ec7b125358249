package dev.ocellus.kernels.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemGetInfo;
import static jcuda.driver.JCudaDriver.cuMemsetD8;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;

import jcuda.driver.CUstream;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * The memory of a GPU. What is freed is kept for later allocations of the same size, as giving it
 * back would hold up all streams; it goes back to the driver when memory runs short. Thread-safe.
 *
 * <p>Sizes are counted in whole blocks of {@value #ALIGNMENT} bytes, exactly.
 */
public final class GpuMemory {
    /** Bytes at which allocations start. */
    public static final int ALIGNMENT = 256;

    private final Gpu gpu;
    private final Map<Long, Deque<Long>> idle = new HashMap<>();
    private final Set<Long> addresses = new HashSet<>();
    private long used;
    private long peak;
    private long idleBytes;

    GpuMemory(Gpu gpu) {
        this.gpu = gpu;
    }

    /**
     * Allocates memory, of undefined content, that is freed when the arena closes. All work that
     * uses it must have ended by then.
     *
     * <p>The segment stands for device memory: it has the device address and the size, can be
     * sliced, and is read and written through a {@link GpuStream} alone. To access it on the host
     * ends the process.
     *
     * @throws GpuOutOfMemoryException if there is too little
     */
    public MemorySegment allocate(long bytes, Arena arena) {
        if (bytes < 0) {
            throw new IllegalArgumentException(bytes + " bytes of GPU memory");
        }
        long size = Math.ceilDiv(Math.max(bytes, 1), (long) ALIGNMENT) * ALIGNMENT;
        long address = take(size);
        try {
            return MemorySegment.ofAddress(address)
                    .reinterpret(bytes, arena, segment -> give(address, size));
        } catch (RuntimeException e) {
            give(address, size);
            throw e;
        }
    }

    /**
     * As {@link #allocate}, filled with zero bytes when it returns.
     *
     * @throws GpuOutOfMemoryException if there is too little
     */
    public MemorySegment allocateZeros(long bytes, Arena arena) {
        MemorySegment memory = allocate(bytes, arena);
        gpu.check(cuMemsetD8(Addresses.device(memory.address()), (byte) 0, bytes), "cuMemsetD8");
        // No other stream waits for this one.
        gpu.check(cuStreamSynchronize(new CUstream()), "cuStreamSynchronize");
        return memory;
    }

    private synchronized long take(long size) {
        gpu.enter();
        Deque<Long> same = idle.get(size);
        long address;
        if (same != null && !same.isEmpty()) {
            address = same.pop();
            idleBytes -= size;
        } else {
            address = ask(size);
            addresses.add(address);
        }
        used += size;
        peak = Math.max(peak, used);
        return address;
    }

    private long ask(long size) {
        Addresses.Allocated pointer = new Addresses.Allocated();
        int result = cuMemAlloc(pointer, size);
        if (result == CUDA_ERROR_OUT_OF_MEMORY && idleBytes > 0) {
            trim();
            result = cuMemAlloc(pointer, size);
        }
        if (result == CUDA_ERROR_OUT_OF_MEMORY) {
            long free = free();
            throw new GpuOutOfMemoryException(
                    "GPU %d (%s): %d bytes are needed, %d of %d are free; choose a smaller context or"
                                    .formatted(
                                            gpu.info().ordinal(),
                                            gpu.info().name(),
                                            size,
                                            free,
                                            total())
                            + " batch, weights of a smaller type, or end other programs on this GPU",
                    size,
                    free);
        }
        gpu.check(result, "cuMemAlloc of " + size + " bytes");
        return pointer.address();
    }

    private synchronized void give(long address, long size) {
        if (!addresses.contains(address)) {
            return; // freed with the GPU
        }
        used -= size;
        idle.computeIfAbsent(size, s -> new ArrayDeque<>()).push(address);
        idleBytes += size;
    }

    /** Gives what is not in use back to the driver, and so to other programs. */
    public synchronized void trim() {
        gpu.enter();
        for (Deque<Long> blocks : idle.values()) {
            for (long address : blocks) {
                gpu.check(cuMemFree(Addresses.device(address)), "cuMemFree");
                addresses.remove(address);
            }
        }
        idle.clear();
        idleBytes = 0;
    }

    /** Bytes that are allocated now. */
    public synchronized long used() {
        return used;
    }

    /** The most bytes that were allocated at one time. */
    public synchronized long peak() {
        return peak;
    }

    /** Bytes that could be allocated, if they are in one piece. */
    public synchronized long free() {
        gpu.enter();
        long[] free = new long[1];
        long[] total = new long[1];
        gpu.check(cuMemGetInfo(free, total), "cuMemGetInfo");
        return free[0] + idleBytes;
    }

    /** Bytes of the device. */
    public long total() {
        return gpu.info().bytes();
    }

    /** The context ends, and with it everything in use or not. */
    synchronized void forgetAll() {
        addresses.clear();
        idle.clear();
        idleBytes = 0;
        used = 0;
    }
}
