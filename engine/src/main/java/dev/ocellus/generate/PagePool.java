package dev.ocellus.generate;

import dev.ocellus.device.Device;
import dev.ocellus.device.DeviceMemoryException;
import dev.ocellus.graph.CacheShape;

import java.lang.foreign.Arena;
import java.util.Arrays;

/**
 * Pages of the key/value caches of one model, up to a limit in bytes. Pages given back are handed
 * out again; memory is freed with the pool. Thread-safe.
 */
public final class PagePool implements AutoCloseable {
    /** Of a page, in memory of several: what the widest accesses of any device want. */
    private static final long ALIGNMENT = 256;

    /** Most memory that is taken at once. */
    private static final long SLAB_BYTES = 64L << 20;

    private final Device device;
    private final CacheShape shape;
    private final long limitPages;
    private final Arena arena = Arena.ofShared();
    private long[] free = new long[16];
    private int freeCount;
    private long allocated;
    private boolean closed;

    public PagePool(Device device, CacheShape shape, long limitBytes) {
        this.device = device;
        this.shape = shape;
        limitPages = limitBytes / shape.pageBytes();
    }

    public CacheShape shape() {
        return shape;
    }

    /** Tokens for which there is room in all. */
    public long limitTokens() {
        return limitPages * shape.pageTokens();
    }

    /** Bytes taken from the system. */
    public synchronized long bytes() {
        return allocated * shape.pageBytes();
    }

    /** Pages in use. */
    public synchronized long used() {
        return allocated - freeCount;
    }

    /**
     * Address of a page that nobody else uses.
     *
     * @throws CacheFullException when the limit is reached or the device has no more memory
     */
    synchronized long take() {
        if (closed) {
            throw new IllegalStateException(
                    "the cache pages have been freed: their model was closed");
        }
        if (freeCount > 0) {
            return free[--freeCount];
        }
        if (allocated >= limitPages) {
            throw new CacheFullException(
                    "the key/value cache is full: "
                            + allocated
                            + " pages of "
                            + shape.pageTokens()
                            + " tokens ("
                            + (allocated * shape.pageBytes() >> 20)
                            + " MiB) are in use; close sessions or raise the cache limit");
        }
        grow();
        return free[--freeCount];
    }

    /** Takes memory for a quarter more pages, or for one where there is no more. */
    private void grow() {
        long most = Math.min(limitPages - allocated, SLAB_BYTES / shape.pageBytes());
        long pages = Math.clamp(allocated / 4, 1, Math.max(1, most));
        while (true) {
            try {
                allocate(pages);
                return;
            } catch (DeviceMemoryException e) {
                if (pages == 1) {
                    throw new CacheFullException(e.getMessage());
                }
                pages = 1;
            }
        }
    }

    private void allocate(long pages) {
        long stride = Math.ceilDiv(shape.pageBytes(), ALIGNMENT) * ALIGNMENT;
        long first = device.allocate(pages * stride, arena).address();
        allocated += pages;
        for (long i = pages - 1; i >= 0; i--) {
            give(first + i * stride);
        }
    }

    synchronized void give(long page) {
        if (freeCount == free.length) {
            free = Arrays.copyOf(free, freeCount * 2);
        }
        free[freeCount++] = page;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            arena.close();
        }
    }
}
