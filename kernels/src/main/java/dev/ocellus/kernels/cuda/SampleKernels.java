package dev.ocellus.kernels.cuda;

/** Launches of {@code sample.cu}: choice of the next token. Thread-safe. */
final class SampleKernels {
    private final Gpu gpu;

    SampleKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    Gpu gpu() {
        return gpu;
    }
}
