package dev.ocellus.generate;

import dev.ocellus.model.RopeFrequencies;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Lets threads that decode at the same time share steps, so that weights are read once for all of
 * them. There is no thread of its own: a thread that finds no step under way takes the requests
 * that wait, first come first served, and runs a step for all of them.
 *
 * <p>Threads come back for their next token one after the other. A step therefore waits for those
 * who took part in the last one, a quarter of a step at most; who did not come by then is not
 * waited for again until it has taken part. A thread alone never waits. Thread-safe.
 */
final class DecodeQueue {
    /** Most sequences in a step for several threads. */
    static final int MAX_ROWS = 64;

    /** Longest wait for others, whatever a step takes. */
    private static final long MAX_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    /** How often a thread that waits asks whether its request is cancelled. */
    private static final long ASK_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private static final long SEVERAL = 0;

    private final Consumer<List<DecodeRequest>> runStep;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final ArrayDeque<DecodeRequest> waiting = new ArrayDeque<>();
    private final ArrayDeque<DecodeRequest> unused = new ArrayDeque<>();
    private final List<DecodeRequest> step = new ArrayList<>();
    private boolean stepping;

    /** Requests that are likely to come for the next step. */
    private int expected = 1;

    private long lastNanos;
    private long lastEnd = System.nanoTime() - MAX_WAIT_NANOS;

    /** Id of the thread for which alone the last step was, or {@link #SEVERAL}. */
    private long lastThread = Thread.currentThread().threadId();

    /**
     * @param runStep runs a step for some requests; tells each its failure and throws nothing
     */
    DecodeQueue(Consumer<List<DecodeRequest>> runStep) {
        this.runStep = runStep;
    }

    /**
     * Decodes a token for each cache, perhaps together with others' requests; returns when the
     * sinks have got all results. As {@link LanguageRunner#decode}.
     */
    void decode(
            List<KvCache> caches,
            int[] tokens,
            List<RopeFrequencies> frequencies,
            List<? extends RowSink> sinks,
            BooleanSupplier cancelled) {
        if (cancelled.getAsBoolean()) {
            throw new CancellationException("cancelled");
        }
        Throwable failure;
        lock.lock();
        try {
            DecodeRequest r = unused.isEmpty() ? new DecodeRequest() : unused.pop();
            r.caches = caches;
            r.tokens = tokens;
            r.frequencies = frequencies;
            r.sinks = sinks;
            r.cancelled = cancelled;
            waiting.add(r);
            if (stepping && waiting.size() >= expected) {
                changed.signalAll();
            }
            await(r);
            failure = r.clear();
            unused.push(r);
        } finally {
            lock.unlock();
        }
        switch (failure) {
            case null -> {}
            case Error e -> throw e;
            case RuntimeException e -> throw e;
            default -> throw new IllegalStateException("a step failed", failure);
        }
    }

    private void await(DecodeRequest r) {
        while (!r.done) {
            if (!stepping) {
                lead();
            } else {
                awaitChange(ASK_NANOS);
                if (!r.taken && isCancelled(r)) {
                    waiting.remove(r);
                    r.done = true;
                }
            }
        }
    }

    private static boolean isCancelled(DecodeRequest r) {
        try {
            if (r.cancelled.getAsBoolean()) {
                r.fail(new CancellationException("cancelled"));
            }
        } catch (RuntimeException | Error e) {
            r.fail(e);
        }
        return r.hasFailed();
    }

    /** Runs a step for those who wait; the lock is free meanwhile. */
    private void lead() {
        stepping = true;
        awaitOthers();
        int rows = 0;
        while (!waiting.isEmpty() && (rows == 0 || rows + waiting.peek().rows() <= MAX_ROWS)) {
            DecodeRequest r = waiting.poll();
            r.taken = true;
            rows += r.rows();
            step.add(r);
        }
        long start = System.nanoTime();
        lock.unlock();
        try {
            runStep.accept(step);
        } catch (RuntimeException | Error e) {
            step.forEach(r -> r.fail(e));
        } finally {
            lock.lock();
            lastEnd = System.nanoTime();
            lastNanos = lastEnd - start;
            lastThread = step.size() == 1 ? Thread.currentThread().threadId() : SEVERAL;
            expected = step.size() + waiting.size();
            for (int i = 0; i < step.size(); i++) {
                step.get(i).done = true;
            }
            step.clear();
            stepping = false;
            changed.signalAll();
        }
    }

    private void awaitOthers() {
        if (waiting.size() >= expected) {
            return;
        }
        long end = System.nanoTime() + Math.min(lastNanos / 4, MAX_WAIT_NANOS);
        long left = end - System.nanoTime();
        while (waiting.size() < expected && left > 0) {
            awaitChange(left);
            left = end - System.nanoTime();
        }
    }

    /** Interrupts don't end an answer: they are kept for whoever waits next. */
    private void awaitChange(long nanos) {
        boolean interrupted = Thread.interrupted();
        try {
            changed.awaitNanos(nanos);
        } catch (InterruptedException e) {
            interrupted = true;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether other threads than this one are decoding, or were a moment ago. */
    boolean othersDecode() {
        lock.lock();
        try {
            return stepping
                    || !waiting.isEmpty()
                    || lastThread != Thread.currentThread().threadId()
                            && System.nanoTime() - lastEnd < MAX_WAIT_NANOS;
        } finally {
            lock.unlock();
        }
    }
}
