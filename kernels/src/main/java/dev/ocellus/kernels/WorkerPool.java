package dev.ocellus.kernels;

import dev.ocellus.kernels.nativelib.ThreadAffinity;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;

/**
 * The threads that run kernels: one persistent set of daemon threads, and the caller. Each thread
 * has a share of a launch's units and takes of the others' when it is done with its own, so the
 * caller never waits for a thread to show up, only for what was begun to end. A launch of a single
 * unit runs in the caller.
 *
 * <p>Thread-safe, for one caller at a time: a second one waits its turn, first come first served. A
 * run allocates nothing, unless it has to wait. Threads that wait spin for some microseconds, then
 * yield, then park; an idle pool uses no CPU time. A pool must be closed, or its parked threads
 * stay.
 */
public final class WorkerPool implements AutoCloseable {
    /** Name of the property that sets the number of threads of {@link #ofDefaultSize}. */
    public static final String THREADS_PROPERTY = "ocellus.threads";

    /**
     * Name of the property that makes {@link #ofDefaultSize} pin its threads: {@code true} or
     * {@code false}.
     */
    public static final String PIN_PROPERTY = "ocellus.pin";

    /** Place of the caller among the threads. */
    private static final int CALLER = 0;

    /** Some tens of microseconds: longer than the serial gaps between the kernels of a model. */
    private static final int SPINS = 2000;

    private static final int YIELDS = 1000;

    /** In place of a processor's number: a thread that is not pinned. */
    private static final int ANY = -1;

    private final ReentrantLock turn = new ReentrantLock(true);
    private final Worker[] workers;
    private final boolean pinned;
    private final Region region;
    private final AtomicInteger parkedWorkers = new AtomicInteger();
    private volatile Thread parkedCaller;

    /** No new run starts. */
    private volatile boolean closed;

    /** No run is under way either: workers end. */
    private volatile boolean stopped;

    /**
     * @param threads threads that work on a launch, the caller's included; with 1 all runs in the
     *     caller
     * @param processors where threads are pinned, by the system's numbers: the caller is meant to
     *     be on the first and stays as it is, each further thread runs on the next one only,
     *     starting again from the first; none for threads that are not pinned
     */
    public WorkerPool(int threads, int... processors) {
        if (threads < 1 || threads > Region.MAX_THREADS) {
            throw new IllegalArgumentException(
                    "a worker pool has 1 to " + Region.MAX_THREADS + " threads, not " + threads);
        }
        pinned = processors.length > 0;
        region = new Region(threads);
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            int number = i + 1;
            workers[i] = new Worker(number, pinned ? processors[number % processors.length] : ANY);
        }
        for (Worker worker : workers) {
            worker.start();
        }
    }

    /**
     * A pool of as many threads as {@value #THREADS_PROPERTY} says, else as there are processors,
     * pinned to the processors that the process may use if {@value #PIN_PROPERTY} says so.
     *
     * @throws IllegalArgumentException if a property is not a positive number, or neither true nor
     *     false
     * @throws UnsupportedOperationException if threads are to be pinned and the system has no way
     */
    public static WorkerPool ofDefaultSize() {
        return new WorkerPool(
                threadsSetting(), pinSetting() ? ThreadAffinity.allowed() : new int[0]);
    }

    private static int threadsSetting() {
        String setting = System.getProperty(THREADS_PROPERTY);
        if (setting == null) {
            return Runtime.getRuntime().availableProcessors();
        }
        try {
            int threads = Integer.parseInt(setting);
            if (threads >= 1 && threads <= Region.MAX_THREADS) {
                return threads;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw new IllegalArgumentException(
                THREADS_PROPERTY
                        + "="
                        + setting
                        + ": must be a number from 1 to "
                        + Region.MAX_THREADS);
    }

    private static boolean pinSetting() {
        return switch (System.getProperty(PIN_PROPERTY, "false")) {
            case "true", "" -> true;
            case "false" -> false;
            case String s ->
                    throw new IllegalArgumentException(
                            PIN_PROPERTY + "=" + s + ": must be true or false");
        };
    }

    /** Threads that work on a launch, the caller's included. */
    public int threads() {
        return workers.length + 1;
    }

    /** Whether each thread but the caller's runs on one processor only. */
    public boolean isPinned() {
        return pinned;
    }

    /**
     * Runs the launches in order, each when the one before has ended.
     *
     * @throws IllegalStateException if the pool is closed, or if called by a launch that it runs
     * @throws RuntimeException or Error: the first that a unit threw, after all chunks of its
     *     launch have ended; later launches are not run
     */
    public void run(List<Launch> launches) {
        begin();
        try {
            for (int i = 0; i < launches.size(); i++) {
                runRegion(launches.get(i));
            }
        } finally {
            turn.unlock();
        }
    }

    /**
     * Runs the launches of all steps in order, as one run that no other caller's comes between.
     *
     * @param cancelled asked before each step; on yes no further step is run
     * @return whether all steps were run
     * @throws IllegalStateException and others: as {@link #run(List)}
     */
    public boolean runSteps(List<List<Launch>> steps, BooleanSupplier cancelled) {
        begin();
        try {
            for (int s = 0; s < steps.size(); s++) {
                if (cancelled.getAsBoolean()) {
                    return false;
                }
                List<Launch> launches = steps.get(s);
                for (int i = 0; i < launches.size(); i++) {
                    runRegion(launches.get(i));
                }
            }
            return true;
        } finally {
            turn.unlock();
        }
    }

    /** Runs one launch; as {@link #run(List)}. */
    public void run(Launch one) {
        begin();
        try {
            runRegion(one);
        } finally {
            turn.unlock();
        }
    }

    /**
     * Waits for the runs under way to end, then ends the threads. Callers that still wait for their
     * turn, and later ones, get an {@link IllegalStateException}. Closing again does nothing.
     *
     * @throws IllegalStateException if called by a launch that the pool runs
     */
    @Override
    public void close() {
        refuseNested();
        closed = true;
        turn.lock();
        try {
            stopped = true;
            unparkWorkers(workers.length);
        } finally {
            turn.unlock();
        }
        for (Worker worker : workers) {
            joinUninterruptibly(worker);
        }
    }

    private void begin() {
        refuseNested();
        turn.lock();
        if (closed) {
            turn.unlock();
            throw new IllegalStateException("the worker pool is closed");
        }
    }

    private void refuseNested() {
        boolean ownWorker = Thread.currentThread() instanceof Worker w && w.pool() == this;
        if (ownWorker || turn.isHeldByCurrentThread()) {
            throw new IllegalStateException("a launch may not use the worker pool that runs it");
        }
    }

    private void runRegion(Launch launch) {
        long units = launch.units();
        int chunks = region.chunks(units);
        if (chunks == 0) {
            return;
        }
        if (chunks == 1 || workers.length == 0) {
            launch.run(0, units);
            return;
        }
        region.begin(launch, units);
        if (parkedWorkers.get() > 0) {
            unparkWorkers(Math.min(chunks - 1, workers.length));
        }
        if (!region.work(CALLER)) {
            awaitEnd();
        }
        region.end();
    }

    private void unparkWorkers(int count) {
        for (int i = 0; i < count; i++) {
            if (workers[i].parked) {
                LockSupport.unpark(workers[i]);
            }
        }
    }

    private void awaitEnd() {
        for (int i = 0; !region.hasEnded(); i++) {
            if (i < SPINS) {
                Thread.onSpinWait();
            } else if (i < SPINS + YIELDS) {
                Thread.yield();
            } else {
                parkedCaller = Thread.currentThread();
                while (!region.hasEnded()) {
                    LockSupport.park(this);
                }
                parkedCaller = null;
            }
        }
    }

    private static void joinUninterruptibly(Thread thread) {
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
    }

    private final class Worker extends Thread {
        private final int number;
        private final int processor;
        private volatile boolean parked;

        /**
         * @param number from 1; the caller is the thread before
         */
        Worker(int number, int processor) {
            super("ocellus-worker-" + number);
            this.number = number;
            this.processor = processor;
            setDaemon(true);
        }

        WorkerPool pool() {
            return WorkerPool.this;
        }

        @Override
        public void run() {
            if (processor != ANY && !ThreadAffinity.pin(processor)) {
                System.getLogger(WorkerPool.class.getName())
                        .log(
                                System.Logger.Level.WARNING,
                                "processor {0} was not given to {1}, which runs where it may",
                                processor,
                                getName());
            }
            while (!stopped) {
                int seen = region.generation(number);
                if (region.work(number)) {
                    LockSupport.unpark(parkedCaller);
                }
                awaitRegion(seen);
            }
        }

        /** Waits until there is another region with a share for this thread, or the pool closed. */
        private void awaitRegion(int seen) {
            for (int i = 0; isIdle(seen); i++) {
                if (i < SPINS) {
                    Thread.onSpinWait();
                } else if (i < SPINS + YIELDS) {
                    Thread.yield();
                } else {
                    park(seen);
                }
            }
        }

        private void park(int seen) {
            parked = true;
            parkedWorkers.incrementAndGet();
            while (isIdle(seen)) {
                LockSupport.park(WorkerPool.this);
            }
            parkedWorkers.decrementAndGet();
            parked = false;
        }

        private boolean isIdle(int seen) {
            return region.generation(number) == seen && !stopped;
        }
    }
}
