package dev.ocellus.loader;

/**
 * A checkpoint can't be used as it is. The message is one sentence that names the file, the tensor
 * or key where there is one, and the rule that was broken.
 */
public class CheckpointException extends RuntimeException {
    public CheckpointException(String message) {
        super(message);
    }

    public CheckpointException(String message, Throwable cause) {
        super(message, cause);
    }
}
