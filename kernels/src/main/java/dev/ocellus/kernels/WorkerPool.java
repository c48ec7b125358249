package dev.ocellus.kernels;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The threads that run kernels: one persistent set of daemon threads, and the caller. A launch's
 * units are cut into chunks that threads claim one at a time, so a thread that the system has put
 * aside delays nobody else, and the caller never waits for a thread to show up, only for chunks
 * that were claimed to end.
 *
 * <p>Thread-safe, for one caller at a time: a second one waits its turn, first come first served. A
 * run allocates nothing, unless it has to wait. Threads that wait spin for some microseconds, then
 * yield, then park; an idle pool uses no CPU time. A pool must be closed, or its parked threads
 * stay.
 */
public final class WorkerPool implements AutoCloseable {
    /** Name of the property that sets the number of threads of {@link #ofDefaultSize}. */
    public static final String THREADS_PROPERTY = "ocellus.threads";

    /** More than one, so that a thread that is late or slow leaves its share to the others. */
    private static final int CHUNKS_PER_THREAD = 4;

    private static final int CHUNK_BITS = 16;
    private static final int CHUNK_MASK = (1 << CHUNK_BITS) - 1;
    private static final int MAX_THREADS = CHUNK_MASK / CHUNKS_PER_THREAD;

    /** Some tens of microseconds: longer than the serial gaps between the kernels of a model. */
    private static final int SPINS = 2000;

    private static final int YIELDS = 1000;

    private final ReentrantLock turn = new ReentrantLock(true);
    private final Worker[] workers;

    /**
     * The current region in one word: generation (32 bits), number of chunks (16), next unclaimed
     * chunk (16). A claim by compare-and-set fails when the region has changed. The plain fields
     * below are written before a generation starts and stay until all its chunks have ended, so
     * whoever reads them before a claim that succeeds has read those of the claimed chunk.
     */
    private final AtomicLong claim = new AtomicLong();

    private Launch launch;
    private long units;

    private final AtomicInteger ended = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final AtomicInteger parkedWorkers = new AtomicInteger();
    private volatile Thread parkedCaller;

    /** No new run starts. */
    private volatile boolean closed;

    /** No run is under way either: workers end. */
    private volatile boolean stopped;

    /**
     * @param threads threads that work on a launch, the caller's included; with 1 all runs in the
     *     caller
     */
    public WorkerPool(int threads) {
        if (threads < 1 || threads > MAX_THREADS) {
            throw new IllegalArgumentException(
                    "a worker pool has 1 to " + MAX_THREADS + " threads, not " + threads);
        }
        workers = new Worker[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
        }
        for (Worker worker : workers) {
            worker.start();
        }
    }

    /**
     * A pool of as many threads as {@value #THREADS_PROPERTY} says, else as there are processors.
     *
     * @throws IllegalArgumentException if the property is not a positive number
     */
    public static WorkerPool ofDefaultSize() {
        String setting = System.getProperty(THREADS_PROPERTY);
        if (setting == null) {
            return new WorkerPool(Runtime.getRuntime().availableProcessors());
        }
        try {
            return new WorkerPool(Integer.parseInt(setting));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    THREADS_PROPERTY + "=" + setting + ": must be a number from 1", e);
        }
    }

    /** Threads that work on a launch, the caller's included. */
    public int threads() {
        return workers.length + 1;
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
            unparkWorkers();
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

    private void runRegion(Launch region) {
        long count = region.units();
        int pieces = (int) Math.min(count, (long) CHUNKS_PER_THREAD * threads());
        if (pieces == 0) {
            return;
        }
        if (pieces == 1 || workers.length == 0) {
            region.run(0, count);
            return;
        }
        launch = region;
        units = count;
        ended.set(0);
        claim.set(generation(claim.get()) + 1 << 32 | (long) pieces << CHUNK_BITS);
        if (parkedWorkers.get() > 0) {
            unparkWorkers();
        }
        work();
        awaitEnd(pieces);
        launch = null;
        rethrow(failure.getAndSet(null));
    }

    private static void rethrow(Throwable thrown) {
        switch (thrown) {
            case null -> {}
            case Error e -> throw e;
            case RuntimeException e -> throw e;
            default -> throw new IllegalStateException("a kernel failed", thrown);
        }
    }

    private static long generation(long claim) {
        return claim >>> 32;
    }

    private void unparkWorkers() {
        for (Worker worker : workers) {
            LockSupport.unpark(worker);
        }
    }

    /** Claims and runs chunks of the current region until none is left; returns the last claim. */
    private long work() {
        while (true) {
            long seen = claim.get();
            int chunk = (int) seen & CHUNK_MASK;
            int chunks = (int) seen >>> CHUNK_BITS;
            if (chunk == chunks) {
                return seen;
            }
            Launch region = launch;
            long regionUnits = units;
            if (claim.compareAndSet(seen, seen + 1)) {
                runChunk(region, chunk, chunks, regionUnits);
                if (ended.incrementAndGet() == chunks) {
                    LockSupport.unpark(parkedCaller);
                }
            }
        }
    }

    private void runChunk(Launch region, long chunk, long count, long regionUnits) {
        // The first regionUnits % count chunks are one unit longer than the others.
        long size = regionUnits / count;
        long longer = regionUnits % count;
        long begin = chunk * size + Math.min(chunk, longer);
        long end = begin + size + (chunk < longer ? 1 : 0);
        try {
            region.run(begin, end);
        } catch (Throwable e) {
            failure.compareAndSet(null, e);
        }
    }

    private void awaitEnd(int pieces) {
        for (int i = 0; ended.get() < pieces; i++) {
            if (i < SPINS) {
                Thread.onSpinWait();
            } else if (i < SPINS + YIELDS) {
                Thread.yield();
            } else {
                parkedCaller = Thread.currentThread();
                while (ended.get() < pieces) {
                    LockSupport.park(this);
                }
                parkedCaller = null;
            }
        }
    }

    /** Waits until the claim is of another generation, or the pool is closed. */
    private void awaitRegion(long seen) {
        for (int i = 0; generation(claim.get()) == generation(seen) && !stopped; i++) {
            if (i < SPINS) {
                Thread.onSpinWait();
            } else if (i < SPINS + YIELDS) {
                Thread.yield();
            } else {
                parkedWorkers.incrementAndGet();
                while (generation(claim.get()) == generation(seen) && !stopped) {
                    LockSupport.park(this);
                }
                parkedWorkers.decrementAndGet();
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
        Worker(int number) {
            super("ocellus-worker-" + number);
            setDaemon(true);
        }

        WorkerPool pool() {
            return WorkerPool.this;
        }

        @Override
        public void run() {
            while (!stopped) {
                awaitRegion(work());
            }
        }
    }
}
