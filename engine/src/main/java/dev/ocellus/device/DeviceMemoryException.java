package dev.ocellus.device;

/** A device has too little memory; the message says what for, how much is free and what helps. */
public final class DeviceMemoryException extends RuntimeException {
    private final long neededBytes;
    private final long freeBytes;

    DeviceMemoryException(String message, long neededBytes, long freeBytes, Throwable cause) {
        super(message, cause);
        this.neededBytes = neededBytes;
        this.freeBytes = freeBytes;
    }

    /** Bytes that were asked for. */
    public long neededBytes() {
        return neededBytes;
    }

    /** Bytes that were free then, perhaps not in one piece. */
    public long freeBytes() {
        return freeBytes;
    }
}
