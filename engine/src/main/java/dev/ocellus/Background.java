package dev.ocellus;

import java.util.function.Supplier;

/** Something that is made in a thread of its own while its owner does other things. */
final class Background<T> {
    private final Thread thread;
    private T made;
    private Throwable failure;

    Background(String name, Supplier<T> maker) {
        thread =
                Thread.ofPlatform()
                        .daemon()
                        .name(name)
                        .start(
                                () -> {
                                    try {
                                        made = maker.get();
                                    } catch (RuntimeException | Error e) {
                                        failure = e;
                                    }
                                });
    }

    /** Waits for what is made, or throws what its maker threw. Interrupts are kept for later. */
    T get() {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        switch (failure) {
            case null -> {
                return made;
            }
            case Error e -> throw e;
            case RuntimeException e -> throw e;
            default -> throw new IllegalStateException(failure);
        }
    }
}
