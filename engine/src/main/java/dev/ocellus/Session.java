package dev.ocellus;

import dev.ocellus.chat.Turn;
import dev.ocellus.generate.KvCache;
import dev.ocellus.loader.image.RgbImage;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A conversation: earlier turns are part of each new prompt, and what the key/value cache holds of
 * them is not computed again. One answer at a time; from any thread. Close it to give its cache
 * pages back.
 */
public final class Session implements AutoCloseable {
    private final Ocellus model;
    private final KvCache cache;
    private final List<Turn> turns = new ArrayList<>();
    private boolean answering;
    private boolean closed;

    Session(Ocellus model, KvCache cache) {
        this.model = model;
        this.cache = cache;
    }

    /** Asks about nothing but the conversation so far. The work starts when the reply is read. */
    public Reply chat(String question) {
        return chat(Question.of(question));
    }

    /**
     * Asks about an image file.
     *
     * @throws dev.ocellus.loader.image.ImageException if the file can't be read as an image
     */
    public Reply chat(Path image, String question) {
        return chat(Question.of(model.read(image), question));
    }

    /** Asks about several images. */
    public Reply chat(List<RgbImage> images, String question) {
        return chat(new Question(question, images));
    }

    public Reply chat(Question question) {
        return new Reply(model, this, question, false);
    }

    /** Puts an earlier turn into the conversation that was not generated here. */
    public synchronized void recall(Question question, String answer) {
        turns.add(model.turn(question).answered(answer));
    }

    /** Questions and answers so far. */
    public synchronized List<Turn> turns() {
        return List.copyOf(turns);
    }

    /** Tokens in the key/value cache. */
    public synchronized int cachedTokens() {
        return cache.length();
    }

    KvCache cache() {
        return cache;
    }

    synchronized void begin() {
        if (closed) {
            throw new IllegalStateException("the session has been closed");
        }
        if (answering) {
            throw new IllegalStateException(
                    "the session is giving an answer already; open another session for another conversation");
        }
        answering = true;
    }

    synchronized boolean isClosed() {
        return closed;
    }

    /** Ends an answer; {@code turn} is null when there was none. */
    synchronized void end(Turn turn) {
        if (turn != null) {
            turns.add(turn);
        }
        answering = false;
        if (closed) {
            free();
        }
    }

    private void free() {
        model.free(cache);
    }

    /** Ends the session. An answer under way stops with an {@link IllegalStateException}. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            if (!answering) {
                free();
            }
        }
    }
}
