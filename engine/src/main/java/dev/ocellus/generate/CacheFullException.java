package dev.ocellus.generate;

/** No page of the key/value cache is left under the limit. */
public final class CacheFullException extends RuntimeException {
    public CacheFullException(String message) {
        super(message);
    }
}
