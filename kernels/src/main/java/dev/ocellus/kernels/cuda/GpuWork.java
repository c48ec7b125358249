package dev.ocellus.kernels.cuda;

/**
 * Something for a GPU to do, bound to its operands: a kernel, a product of a library. Can be
 * enqueued any number of times, also while a stream is captured. Holds no operand memory: whoever
 * bound it keeps the operands alive.
 */
public interface GpuWork {
    /**
     * Appends the work to a stream and returns; allocates nothing on the GPU and waits for nothing.
     */
    void enqueue(GpuStream stream);

    /** Name for people: the kernel's or the product's. */
    String name();
}
