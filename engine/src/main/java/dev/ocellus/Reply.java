package dev.ocellus;

import dev.ocellus.generate.GenerationOptions;

import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.SubmissionPublisher;
import java.util.function.Consumer;

/**
 * An answer that can be read once: whole, piece by piece through a callback, as an iterator or as a
 * publisher. Nothing happens until then.
 *
 * <p>{@link #cancel} may be called from any thread; the answer then ends within one token and keeps
 * what it had.
 */
public final class Reply implements Iterable<String> {
    private static final int PIECES_AHEAD = 256;

    private final Ocellus model;
    private final Session session;
    private final Question question;
    private final boolean closesSession;
    private GenerationOptions options;
    private Progress progress = Progress.NONE;
    private volatile boolean cancelled;
    private boolean started;
    private volatile Answer answer;

    Reply(Ocellus model, Session session, Question question, boolean closesSession) {
        this.model = model;
        this.session = session;
        this.question = question;
        this.closesSession = closesSession;
        options = model.defaults();
    }

    /**
     * Sets how tokens are chosen; the checkpoint's stop tokens stay in force. Returns this reply.
     */
    public synchronized Reply options(GenerationOptions o) {
        options = o;
        return this;
    }

    /** Sets who hears how far images and prompt are before the first piece. Returns this reply. */
    public synchronized Reply progress(Progress p) {
        progress = p;
        return this;
    }

    /** Generates the answer in the calling thread and gives it whole. */
    public Answer answer() {
        return stream(piece -> {});
    }

    /** The text of the answer, generated in the calling thread. */
    public String text() {
        return answer().text();
    }

    /**
     * Generates the answer in the calling thread.
     *
     * @param sink gets each piece of text when it is certain; pieces are whole characters
     * @throws IllegalStateException if the model or the session is closed meanwhile
     * @throws dev.ocellus.generate.ContextOverflowException if the conversation does not fit the
     *     context
     */
    public Answer stream(Consumer<String> sink) {
        start();
        return run(sink);
    }

    private synchronized void start() {
        if (started) {
            throw new IllegalStateException(
                    "this reply has been read already; ask again for another answer");
        }
        started = true;
    }

    private Answer run(Consumer<String> sink) {
        try {
            answer = model.answer(session, question, options, sink, progress, () -> cancelled);
            return answer;
        } finally {
            if (closesSession) {
                session.close();
            }
        }
    }

    /**
     * Pieces of text, generated in a thread of their own, a bounded number ahead. An iterator that
     * is not read to its end should be followed by {@link #cancel}.
     */
    @Override
    public Iterator<String> iterator() {
        start();
        Pieces pieces = new Pieces();
        background().execute(pieces::produce);
        return pieces;
    }

    /**
     * Pieces of text for one subscriber, generated in a thread of their own at the subscriber's
     * pace; cancelling the subscription cancels the answer.
     */
    public Flow.Publisher<String> publisher() {
        return subscriber -> {
            start();
            SubmissionPublisher<String> p = new SubmissionPublisher<>(background(), PIECES_AHEAD);
            p.subscribe(subscriber);
            background()
                    .execute(
                            () -> {
                                try {
                                    run(
                                            piece -> {
                                                if (!p.hasSubscribers()) {
                                                    cancel();
                                                }
                                                p.submit(piece);
                                            });
                                    p.close();
                                } catch (RuntimeException | Error e) {
                                    p.closeExceptionally(e);
                                }
                            });
        };
    }

    private static Executor background() {
        return task -> Thread.ofPlatform().daemon().name("ocellus-reply").start(task);
    }

    /** Ends the answer within one token. */
    public void cancel() {
        cancelled = true;
    }

    /** The finished answer, or null before. */
    public Answer finished() {
        return answer;
    }

    /** Hands pieces from the generating thread to the reading one. */
    private final class Pieces implements Iterator<String> {
        private static final Object END = new Object();
        private final BlockingQueue<Object> queue = new ArrayBlockingQueue<>(PIECES_AHEAD);
        private Object next;

        void produce() {
            Object end = END;
            try {
                run(this::put);
            } catch (RuntimeException | Error e) {
                end = e;
            }
            put(end);
        }

        private void put(Object o) {
            try {
                // A reader that went away after cancelling does not keep this thread.
                while (!queue.offer(o, 100, java.util.concurrent.TimeUnit.MILLISECONDS)) {
                    if (cancelled) {
                        queue.poll();
                    }
                }
            } catch (InterruptedException e) {
                cancel();
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public boolean hasNext() {
            if (next == null) {
                try {
                    next = queue.take();
                } catch (InterruptedException e) {
                    cancel();
                    Thread.currentThread().interrupt();
                    next = END;
                }
            }
            if (next instanceof RuntimeException e) {
                throw e;
            }
            if (next instanceof Error e) {
                throw e;
            }
            return next != END;
        }

        @Override
        public String next() {
            if (!hasNext()) {
                throw new NoSuchElementException("the answer has ended");
            }
            String piece = (String) next;
            next = null;
            return piece;
        }
    }
}
