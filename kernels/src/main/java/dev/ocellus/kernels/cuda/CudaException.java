package dev.ocellus.kernels.cuda;

/** What went wrong on a GPU or on the way to it; the message is for people. */
public class CudaException extends RuntimeException {
    CudaException(String message) {
        super(message);
    }

    CudaException(String message, Throwable cause) {
        super(message, cause);
    }
}
