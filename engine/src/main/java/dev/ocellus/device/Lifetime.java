package dev.ocellus.device;

/**
 * Counts the users of something that can be closed. {@link #close} refuses new users and waits for
 * those there are; then whoever closed may free what they used. Thread-safe.
 */
public final class Lifetime {
    private final String what;
    private long users;
    private boolean closed;

    /**
     * @param what what is closed, as it appears in messages: "the model at /models/x"
     */
    public Lifetime(String what) {
        this.what = what;
    }

    /**
     * Registers a user; each must {@link #release} once.
     *
     * @throws IllegalStateException if closed
     */
    public synchronized void acquire() {
        check();
        users++;
    }

    public synchronized void release() {
        users--;
        notifyAll();
    }

    public synchronized boolean isClosed() {
        return closed;
    }

    /**
     * @throws IllegalStateException if closed
     */
    public synchronized void check() {
        if (closed) {
            throw new IllegalStateException(what + " has been closed");
        }
    }

    /** Refuses new users from now on. Returns whether this call was the one that closed. */
    public synchronized boolean refuse() {
        boolean first = !closed;
        closed = true;
        return first;
    }

    /**
     * Waits until the last user has left. An interrupt is kept for the caller and does not cut the
     * wait short.
     */
    public synchronized void await() {
        boolean interrupted = false;
        while (users > 0) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** {@link #refuse}, then {@link #await}. Returns whether this call was the one that closed. */
    public boolean close() {
        boolean first = refuse();
        if (first) {
            await();
        }
        return first;
    }
}
