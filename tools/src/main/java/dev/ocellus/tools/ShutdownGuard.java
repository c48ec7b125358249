package dev.ocellus.tools;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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

    private static final Set<ShutdownGuard> OPEN = ConcurrentHashMap.newKeySet();

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
        OPEN.add(this);
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /**
     * Says in one line that the process was interrupted, unless a guard ends an answer that says so
     * itself. Returns what takes this back when the work has ended.
     */
    static Runnable announceInterrupts() {
        Thread notice =
                new Thread(
                        () -> {
                            if (OPEN.isEmpty()) {
                                System.err.println("interrupted");
                            }
                        },
                        "ocellus-interrupted");
        Runtime.getRuntime().addShutdownHook(notice);
        return () -> remove(notice);
    }

    /** Whether the process goes on; if it is ending already, its hooks do their work. */
    private static boolean remove(Thread hook) {
        try {
            return Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            return false;
        }
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
        if (remove(hook)) {
            OPEN.remove(this);
        }
    }
}
