package dev.ocellus.kernels.cuda;

/** The driver is too old for the kernels, or the GPU is. */
public final class PtxVersionException extends CudaException {
    PtxVersionException(String message) {
        super(message);
    }
}
