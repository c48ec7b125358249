package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ocellus.kernels.nativelib.ThreadAffinity;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import java.util.logging.Level;
import java.util.logging.Logger;

class WorkerPoolTest {
    private static Launch launch(long units, LongConsumer unit) {
        return new Launch() {
            @Override
            public long units() {
                return units;
            }

            @Override
            public void run(long begin, long end) {
                for (long i = begin; i < end; i++) {
                    unit.accept(i);
                }
            }
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void everyUnitRunsOnce(int threads) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            assertThat(pool.threads()).isEqualTo(threads);
            for (int units : new int[] {0, 1, 2, 3, 7, 8, 31, 33, 1000}) {
                AtomicLongArray seen = new AtomicLongArray(units);
                pool.run(launch(units, i -> seen.incrementAndGet((int) i)));
                for (int i = 0; i < units; i++) {
                    assertThat(seen.get(i)).as("unit %d of %d", i, units).isEqualTo(1);
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void launchesRunOneAfterTheOther(int threads) {
        // Many tiny regions, each of which needs all sums of the one before.
        int width = 9;
        long[] a = new long[width];
        long[] b = new long[width];
        List<Launch> launches = new ArrayList<>();
        for (int step = 0; step < 20_000; step++) {
            long[] from = step % 2 == 0 ? a : b;
            long[] to = step % 2 == 0 ? b : a;
            launches.add(launch(width, i -> to[(int) i] = from[(int) (i + 1) % width] + 1));
        }
        try (WorkerPool pool = new WorkerPool(threads)) {
            pool.run(launches);
        }
        assertThat(a).containsOnly(20_000L);
    }

    @Test
    void unitsAreAskedWhenTheLaunchStarts() {
        AtomicLong count = new AtomicLong();
        AtomicLong ran = new AtomicLong();
        Launch counted =
                new Launch() {
                    @Override
                    public long units() {
                        return count.get();
                    }

                    @Override
                    public void run(long begin, long end) {
                        ran.addAndGet(end - begin);
                    }
                };
        try (WorkerPool pool = new WorkerPool(2)) {
            pool.run(List.of(counted, launch(1, i -> count.set(100)), counted));
        }
        assertThat(ran).hasValue(100);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    void aFailureReachesTheCallerAndThePoolGoesOn(int threads) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            AtomicLong later = new AtomicLong();
            for (long bad : new long[] {0, 17, 99}) {
                Launch failing =
                        launch(
                                100,
                                i -> {
                                    if (i == bad) {
                                        throw new IllegalArgumentException("unit " + i);
                                    }
                                });
                assertThatThrownBy(
                                () ->
                                        pool.run(
                                                List.of(
                                                        failing,
                                                        launch(5, i -> later.incrementAndGet()))))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessage("unit " + bad);
            }
            assertThat(later).hasValue(0);
            pool.run(launch(50, i -> later.incrementAndGet()));
            assertThat(later).hasValue(50);
        }
    }

    @Test
    void aFailureIsThrownOnlyAfterAllChunksEnded() {
        AtomicLong running = new AtomicLong();
        try (WorkerPool pool = new WorkerPool(4)) {
            for (int round = 0; round < 200; round++) {
                assertThatThrownBy(
                                () ->
                                        pool.run(
                                                launch(
                                                        64,
                                                        i -> {
                                                            running.incrementAndGet();
                                                            try {
                                                                if (i == 3) {
                                                                    throw new StackOverflowError();
                                                                }
                                                                Thread.yield();
                                                            } finally {
                                                                running.decrementAndGet();
                                                            }
                                                        })))
                        .isInstanceOf(StackOverflowError.class);
                assertThat(running).hasValue(0);
            }
        }
    }

    @Test
    void callersTakeTurns() throws InterruptedException {
        AtomicReference<Thread> owner = new AtomicReference<>();
        AtomicLong sum = new AtomicLong();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> callers = new ArrayList<>();
        try (WorkerPool pool = new WorkerPool(3)) {
            for (int c = 0; c < 4; c++) {
                callers.add(
                        Thread.ofPlatform()
                                .uncaughtExceptionHandler((t, e) -> failure.set(e))
                                .start(
                                        () -> {
                                            Thread me = Thread.currentThread();
                                            Launch claim = launch(1, i -> owner.set(me));
                                            Launch work =
                                                    launch(
                                                            20,
                                                            i -> {
                                                                assertThat(owner.get())
                                                                        .isSameAs(me);
                                                                sum.addAndGet(i);
                                                            });
                                            for (int n = 0; n < 500; n++) {
                                                pool.run(List.of(claim, work, work));
                                            }
                                        }));
            }
            for (Thread caller : callers) {
                caller.join();
            }
        }
        assertThat(failure.get()).isNull();
        assertThat(sum).hasValue(4L * 500 * 2 * 190);
    }

    @Test
    void closeLetsTheRunUnderWayEndAndRefusesOthers() throws InterruptedException {
        WorkerPool pool = new WorkerPool(2);
        CountDownLatch started = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        AtomicLong ran = new AtomicLong();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Thread caller =
                Thread.ofPlatform()
                        .uncaughtExceptionHandler((t, e) -> failure.set(e))
                        .start(
                                () ->
                                        pool.run(
                                                List.of(
                                                        launch(
                                                                10,
                                                                i -> {
                                                                    started.countDown();
                                                                    awaitLatch(release);
                                                                    ran.incrementAndGet();
                                                                }),
                                                        launch(10, i -> ran.incrementAndGet()))));
        started.await();
        Thread closer = Thread.ofPlatform().start(pool::close);
        Thread second =
                Thread.ofPlatform()
                        .uncaughtExceptionHandler((t, e) -> failure.set(e))
                        .unstarted(() -> pool.run(launch(1, i -> ran.addAndGet(1000))));
        while (closer.getState() != Thread.State.WAITING) {
            Thread.sleep(1);
        }
        second.start();
        release.countDown();
        caller.join();
        closer.join();
        second.join();

        assertThat(ran).hasValue(20);
        assertThat(failure.get())
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the worker pool is closed");
        pool.close();
    }

    private static void awaitLatch(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aLaunchMayNotUseItsOwnPool() {
        try (WorkerPool pool = new WorkerPool(3)) {
            Launch inner = launch(2, i -> {});
            assertThatThrownBy(() -> pool.run(launch(20, i -> pool.run(inner))))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("may not use the worker pool");
            Runnable close = pool::close;
            assertThatThrownBy(() -> pool.run(launch(20, i -> close.run())))
                    .isInstanceOf(IllegalStateException.class);
            pool.run(inner);
        }
    }

    @Test
    void runsAllocateNothing() {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long[] sums = new long[64];
        List<Launch> launches =
                List.of(launch(64, i -> sums[(int) i] += i), launch(64, i -> sums[(int) i]--));
        try (WorkerPool pool = new WorkerPool(2)) {
            List<Long> ids = new ArrayList<>();
            ids.add(Thread.currentThread().threadId());
            Thread.getAllStackTraces().keySet().stream()
                    .filter(t -> t.getName().startsWith("ocellus-worker"))
                    .forEach(t -> ids.add(t.threadId()));
            long least = Long.MAX_VALUE;
            for (int round = 0; round < 20 && least > 0; round++) {
                long before = allocated(threads, ids);
                for (int n = 0; n < 500; n++) {
                    pool.run(launches);
                }
                // The two readings themselves allocate; they are measured by an empty span.
                long between = allocated(threads, ids);
                long after = allocated(threads, ids);
                least = Math.min(least, between - before - (after - between));
            }
            assertThat(least).isLessThanOrEqualTo(0);
        }
    }

    private static long allocated(com.sun.management.ThreadMXBean threads, List<Long> ids) {
        long bytes = 0;
        for (Long id : ids) {
            bytes += threads.getThreadAllocatedBytes(id);
        }
        return bytes;
    }

    @Test
    void anIdlePoolUsesNoProcessor() throws InterruptedException {
        var threads = ManagementFactory.getThreadMXBean();
        try (WorkerPool pool = new WorkerPool(3)) {
            pool.run(launch(100, i -> {}));
            List<Thread> workers =
                    Thread.getAllStackTraces().keySet().stream()
                            .filter(t -> t.getName().startsWith("ocellus-worker"))
                            .toList();
            assertThat(workers).hasSizeGreaterThanOrEqualTo(2);
            for (Thread worker : workers) {
                while (worker.getState() != Thread.State.WAITING) {
                    Thread.sleep(1);
                }
                long before = threads.getThreadCpuTime(worker.threadId());
                Thread.sleep(20);
                assertThat(threads.getThreadCpuTime(worker.threadId()))
                        .isLessThan(before + 1_000_000);
            }
            AtomicLong ran = new AtomicLong();
            pool.run(launch(100, i -> ran.incrementAndGet()));
            assertThat(ran).hasValue(100);
        }
    }

    @Test
    void launchesOfAllStepsRunUntilCancelled() {
        try (WorkerPool pool = new WorkerPool(2)) {
            AtomicLong ran = new AtomicLong();
            Launch count = launch(10, i -> ran.incrementAndGet());
            List<List<Launch>> steps = List.of(List.of(count, count), List.of(count), List.of());
            assertThat(pool.runSteps(steps, () -> false)).isTrue();
            assertThat(ran).hasValue(30);
            assertThat(pool.runSteps(steps, () -> ran.get() >= 50)).isFalse();
            assertThat(ran).hasValue(50);
            pool.run(count);
            assertThat(ran).hasValue(60);
        }
    }

    @Test
    void aRunOfStepsIsOneTurn() throws InterruptedException {
        AtomicReference<Thread> owner = new AtomicReference<>();
        AtomicLong others = new AtomicLong();
        try (WorkerPool pool = new WorkerPool(2)) {
            Runnable caller =
                    () -> {
                        Thread me = Thread.currentThread();
                        Launch claim = launch(1, i -> owner.set(me));
                        Launch check = launch(9, i -> others.addAndGet(owner.get() == me ? 0 : 1));
                        for (int n = 0; n < 300; n++) {
                            pool.runSteps(
                                    List.of(List.of(claim), List.of(check), List.of(check)),
                                    () -> false);
                        }
                    };
            Thread first = Thread.ofPlatform().start(caller);
            Thread second = Thread.ofPlatform().start(caller);
            first.join();
            second.join();
        }
        assertThat(others).hasValue(0);
    }

    @Test
    void eachThreadHasTheSameShareEveryTime() throws InterruptedException {
        int units = 64;
        Thread[] ranBy = new Thread[units];
        Thread caller = Thread.currentThread();
        CountDownLatch[] both = {null};
        // Each waits for the other in the first unit of its share, so that neither takes it away.
        Launch launch =
                launch(
                        units,
                        i -> {
                            ranBy[(int) i] = Thread.currentThread();
                            if (i % (units / 2) == 0) {
                                both[0].countDown();
                                awaitLatch(both[0]);
                            }
                        });
        try (WorkerPool pool = new WorkerPool(2)) {
            for (int round = 0; round < 50; round++) {
                both[0] = new CountDownLatch(2);
                pool.run(launch);
                assertThat(ranBy[0]).isSameAs(caller);
                assertThat(ranBy[units / 2]).isNotSameAs(caller);
            }
        }
    }

    @Test
    void pinnedThreadsRunOnTheirProcessorOnly() {
        assumeTrue(System.getProperty("os.name").equals("Linux"));
        int[] allowed = ThreadAffinity.allowed();
        assertThat(allowed).isNotEmpty().isSorted();
        AtomicReference<int[]> caller = new AtomicReference<>();
        AtomicReference<int[]> worker = new AtomicReference<>();
        CountDownLatch both = new CountDownLatch(2);
        Thread me = Thread.currentThread();
        try (WorkerPool pool = new WorkerPool(2, allowed)) {
            assertThat(pool.isPinned()).isTrue();
            pool.run(
                    launch(
                            2,
                            i -> {
                                (Thread.currentThread() == me ? caller : worker)
                                        .set(ThreadAffinity.allowed());
                                both.countDown();
                                awaitLatch(both);
                            }));
        }
        assertThat(caller.get()).containsExactly(allowed);
        assertThat(worker.get()).containsExactly(allowed[1 % allowed.length]);
    }

    @Test
    void aThreadThatCannotBePinnedRunsAnyway() {
        assumeTrue(System.getProperty("os.name").equals("Linux"));
        assertThat(ThreadAffinity.pin(8191)).isFalse();
        assertThat(ThreadAffinity.pin(-1)).isFalse();
        Logger logger = Logger.getLogger(WorkerPool.class.getName());
        Level level = logger.getLevel();
        logger.setLevel(Level.OFF);
        try (WorkerPool pool = new WorkerPool(2, 8191)) {
            AtomicLong ran = new AtomicLong();
            pool.run(launch(100, i -> ran.incrementAndGet()));
            assertThat(ran).hasValue(100);
        } finally {
            logger.setLevel(level);
        }
    }

    @Test
    void refusesImpossibleSizes() {
        assertThatThrownBy(() -> new WorkerPool(0)).isInstanceOf(IllegalArgumentException.class);
        System.setProperty(WorkerPool.THREADS_PROPERTY, "two");
        try {
            assertThatThrownBy(WorkerPool::ofDefaultSize)
                    .hasMessage("ocellus.threads=two: must be a number from 1 to 16383");
            System.setProperty(WorkerPool.THREADS_PROPERTY, "3");
            try (WorkerPool pool = WorkerPool.ofDefaultSize()) {
                assertThat(pool.threads()).isEqualTo(3);
                assertThat(pool.isPinned()).isFalse();
            }
            System.setProperty(WorkerPool.PIN_PROPERTY, "yes");
            assertThatThrownBy(WorkerPool::ofDefaultSize)
                    .hasMessage("ocellus.pin=yes: must be true or false");
        } finally {
            System.clearProperty(WorkerPool.THREADS_PROPERTY);
            System.clearProperty(WorkerPool.PIN_PROPERTY);
        }
    }
}
