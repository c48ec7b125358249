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
     * What was under way, oldest first: one of these is at fault. The driver reports a fault only
     * when it is next asked, so there is more than one unless every launch was waited for.
     */
    public List<String> kernels() {
        return kernels;
    }
}
