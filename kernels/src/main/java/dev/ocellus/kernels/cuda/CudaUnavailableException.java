package dev.ocellus.kernels.cuda;

/** There is no GPU to work with here: the library, the driver or the device is missing. */
public final class CudaUnavailableException extends CudaException {
    CudaUnavailableException(String message) {
        super(message);
    }

    CudaUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
