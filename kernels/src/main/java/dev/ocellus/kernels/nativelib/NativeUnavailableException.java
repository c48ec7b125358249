package dev.ocellus.kernels.nativelib;

/** Why the native kernels cannot be used here; the message is for people. */
final class NativeUnavailableException extends Exception {
    NativeUnavailableException(String message) {
        super(message);
    }

    NativeUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
