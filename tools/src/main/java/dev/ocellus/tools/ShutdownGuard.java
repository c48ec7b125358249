package dev.ocellus.tools;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets an answer end properly when the process is asked to end (Ctrl-C, a termination signal): it
 * is cancelled, what there is of it is printed, and only then the process goes, with the exit code
 * that the signal gives.
 */
final class ShutdownGuard implements AutoCloseable {
    /** Exit code of a process that Ctrl-C ended. */
    static final int EXIT = 130;

    private static final long PATIENCE_SECONDS = 10;

    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread hook;

    /**
     * @param cancel ends the work soon
     */
    ShutdownGuard(Runnable cancel) {
        hook =
                new Thread(
                        () -> {
                            cancel.run();
                            awaitEnd();
                        },
                        "ocellus-shutdown");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void awaitEnd() {
        try {
            if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("the answer did not end in time");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        ended.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending already: the hook has done its work.
        }
    }
}
