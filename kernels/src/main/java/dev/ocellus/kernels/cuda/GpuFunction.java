package dev.ocellus.kernels.cuda;

import static jcuda.driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
import static jcuda.driver.JCudaDriver.cuFuncSetAttribute;

/** A kernel, loaded on one GPU; of no use once that is closed. Thread-safe. */
public final class GpuFunction {
    /** Dynamic shared memory that every kernel may have. */
    private static final int COMMON_SHARED_BYTES = 48 << 10;

    private final Gpu gpu;
    private final String name;
    private final int number;
    private final Addresses.Function function;
    private final boolean waits;
    private int sharedBytes = COMMON_SHARED_BYTES;

    /**
     * @param number of this kernel among those of the GPU, from 1 on
     * @param waits whether it waits itself for the work before it
     */
    GpuFunction(Gpu gpu, String name, int number, Addresses.Function function, boolean waits) {
        this.gpu = gpu;
        this.name = name;
        this.number = number;
        this.function = function;
        this.waits = waits;
    }

    /** Family and kernel: {@code norm.rms_norm}. */
    public String name() {
        return name;
    }

    int number() {
        return number;
    }

    /** The driver's handle. */
    long handle() {
        return function.handle();
    }

    /** Whether the kernel waits itself for the work before it. */
    boolean waits() {
        return waits;
    }

    /**
     * Allows launches with this much dynamic shared memory.
     *
     * @throws IllegalArgumentException if the GPU has less
     */
    synchronized void allowSharedBytes(int bytes) {
        if (bytes <= sharedBytes) {
            return;
        }
        if (bytes > gpu.info().sharedBytes()) {
            throw new IllegalArgumentException(
                    "%s: %d bytes of shared memory, but %s has %d a block"
                            .formatted(name, bytes, gpu.info().name(), gpu.info().sharedBytes()));
        }
        gpu.enter();
        gpu.check(
                cuFuncSetAttribute(
                        function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes),
                "shared memory of " + name);
        sharedBytes = bytes;
    }
}
