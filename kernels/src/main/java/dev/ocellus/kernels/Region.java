package dev.ocellus.kernels;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;

/**
 * The launch that the threads of a pool work on now, cut into chunks. Each thread has a contiguous
 * share of them, the same share whenever the launch runs again, so that it streams one part of a
 * weight and finds again what its own cache kept. A thread that is done with its share takes chunks
 * of the others, so one that the system has put aside delays nobody else.
 *
 * <p>One thread begins and ends regions; all threads may work.
 */
final class Region {
    /** More than one, so that a thread that is late or slow leaves some of its share to others. */
    private static final int CHUNKS_PER_THREAD = 4;

    private static final int CHUNK_BITS = 16;
    private static final int CHUNK_MASK = (1 << CHUNK_BITS) - 1;

    /** Longs from one thread's word to the next: processors fetch cache lines in pairs. */
    private static final int STRIDE = 16;

    static final int MAX_THREADS = CHUNK_MASK / CHUNKS_PER_THREAD;

    private final int threads;

    /**
     * A word for each thread: generation (32 bits), end of its share (16), its next unclaimed chunk
     * (16). A claim by compare-and-set fails when the word has changed. The plain fields below are
     * written before any word of a generation and stay until all its chunks have ended, so whoever
     * reads them before a claim that succeeds has read those of the claimed chunk.
     */
    private final AtomicLongArray words;

    private Launch launch;
    private long units;
    private int chunks;
    private int generation;

    private final AtomicInteger ended = new AtomicInteger();
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    Region(int threads) {
        this.threads = threads;
        words = new AtomicLongArray((threads + 1) * STRIDE);
    }

    /** Chunks into which a launch is cut. */
    int chunks(long unitCount) {
        return (int) Math.min(unitCount, (long) CHUNKS_PER_THREAD * threads);
    }

    /**
     * Begins a region; the one before has ended. Threads from the first on get shares, those beyond
     * the number of chunks get none and see no new generation.
     */
    void begin(Launch region, long unitCount) {
        launch = region;
        units = unitCount;
        chunks = chunks(unitCount);
        ended.set(0);
        generation++;
        int each = chunks / threads;
        int longer = chunks % threads;
        int chunk = 0;
        for (int t = 0; t < threads && chunk < chunks; t++) {
            int end = chunk + each + (t < longer ? 1 : 0);
            words.set(word(t), (long) generation << 32 | (long) end << CHUNK_BITS | chunk);
            chunk = end;
        }
    }

    /** Number of the last region in which a thread had a share; it changes with each. */
    int generation(int thread) {
        return (int) (words.get(word(thread)) >>> 32);
    }

    /**
     * Runs chunks of a thread's share and then of the others' until none is left to claim. Returns
     * whether this ended the region.
     */
    boolean work(int thread) {
        int done = 0;
        for (int i = 0; i < threads; i++) {
            int owner = thread + i < threads ? thread + i : thread + i - threads;
            done += workOn(word(owner));
        }
        if (done == 0) {
            return false;
        }
        // What is done and not yet counted keeps the region from ending: this total is its own.
        int total = chunks;
        return ended.addAndGet(done) == total;
    }

    private int workOn(int word) {
        int done = 0;
        while (true) {
            long seen = words.get(word);
            int chunk = (int) seen & CHUNK_MASK;
            if (chunk == (int) seen >>> CHUNK_BITS) {
                return done;
            }
            Launch region = launch;
            long regionUnits = units;
            long regionChunks = chunks;
            if (words.compareAndSet(word, seen, seen + 1)) {
                run(region, chunk, regionChunks, regionUnits);
                done++;
            }
        }
    }

    private void run(Launch region, long chunk, long count, long regionUnits) {
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

    boolean hasEnded() {
        return ended.get() == chunks;
    }

    /** Lets go of a region that has ended and throws what a unit of it threw first, if any did. */
    void end() {
        launch = null;
        if (failure.get() == null) {
            return;
        }
        switch (failure.getAndSet(null)) {
            case Error e -> throw e;
            case RuntimeException e -> throw e;
            case Throwable e -> throw new IllegalStateException("a kernel failed", e);
        }
    }

    private static int word(int thread) {
        return (thread + 1) * STRIDE;
    }
}
