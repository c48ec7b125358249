package dev.ocellus.kernels.cuda;

/** The memory of a GPU does not suffice. */
public final class GpuOutOfMemoryException extends CudaException {
    private final long needed;
    private final long free;

    GpuOutOfMemoryException(String message, long needed, long free) {
        super(message);
        this.needed = needed;
        this.free = free;
    }

    /** Bytes that were asked for. */
    public long needed() {
        return needed;
    }

    /** Bytes that were free, perhaps not in one piece. */
    public long free() {
        return free;
    }
}
