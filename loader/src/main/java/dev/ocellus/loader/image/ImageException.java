package dev.ocellus.loader.image;

/**
 * An image, its preprocessing configuration or a preprocessing option cannot be used. The message
 * names the file or the key, says what is wrong with it and, where there is one, the way out.
 */
public final class ImageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ImageException(String message) {
        super(message);
    }

    public ImageException(String message, Throwable cause) {
        super(message, cause);
    }
}
