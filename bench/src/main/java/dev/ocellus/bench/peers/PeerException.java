package dev.ocellus.bench.peers;

/** A peer cannot be measured; the message says why. */
public final class PeerException extends RuntimeException {
    public PeerException(String message) {
        super(message);
    }

    public PeerException(String message, Throwable cause) {
        super(message, cause);
    }
}
