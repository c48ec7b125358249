package dev.ocellus.kernels.cuda;

import java.util.List;

/**
 * A kernel did what it may not, such as an access outside its operands. The GPU it ran on takes no
 * more work from then on: every later call throws this again. The process and other GPUs go on.
 */
public final class GpuFaultException extends CudaException {
    private final List<String> kernels;

    GpuFaultException(String message, List<String> kernels) {
        super(message);
        this.kernels = List.copyOf(kernels);
    }

    /** The first fault again, as a later call meets it. */
    GpuFaultException(GpuFaultException first) {
        super(first.getMessage(), first);
        kernels = first.kernels;
    }

    /**
     * The kernel at fault, which is the one that began last. There are more where several streams
     * were at work, or where a library had work to do, whose kernels do not say that they begin.
     */
    public List<String> kernels() {
        return kernels;
    }
}
