package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.util.concurrent.atomic.AtomicBoolean;

class LifetimeTest {
    private final Lifetime lifetime = new Lifetime("the model at /models/x");

    @Test
    void closingRefusesNewUsers() {
        assertThat(lifetime.close()).isTrue();
        assertThat(lifetime.isClosed()).isTrue();
        assertThatThrownBy(lifetime::acquire)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the model at /models/x has been closed");
        assertThatThrownBy(lifetime::check).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void onlyTheFirstToCloseIsTold() {
        assertThat(lifetime.refuse()).isTrue();
        assertThat(lifetime.refuse()).isFalse();
        assertThat(lifetime.close()).isFalse();
    }

    @Test
    void closingWaitsForTheUsersThereAre() throws InterruptedException {
        lifetime.acquire();
        lifetime.acquire();
        AtomicBoolean ended = new AtomicBoolean();
        Thread closer = closer(ended);
        lifetime.release();
        awaitWaiting(closer);
        assertThat(ended).isFalse();
        lifetime.release();
        closer.join();
        assertThat(ended).isTrue();
    }

    @Test
    void anInterruptDoesNotCutTheWaitShort() throws InterruptedException {
        lifetime.acquire();
        AtomicBoolean kept = new AtomicBoolean();
        Thread closer =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    lifetime.close();
                                    kept.set(Thread.currentThread().isInterrupted());
                                });
        awaitWaiting(closer);
        closer.interrupt();
        Thread.yield();
        assertThat(closer.isAlive()).isTrue();
        lifetime.release();
        closer.join();
        assertThat(kept).isTrue();
    }

    private Thread closer(AtomicBoolean ended) {
        Thread closer =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    lifetime.close();
                                    ended.set(true);
                                });
        awaitWaiting(closer);
        return closer;
    }

    private static void awaitWaiting(Thread t) {
        while (t.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
    }
}
