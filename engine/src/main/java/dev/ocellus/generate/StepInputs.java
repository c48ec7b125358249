package dev.ocellus.generate;

import dev.ocellus.device.Run;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.model.DecoderConfig;
import dev.ocellus.model.RopeFrequencies;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Fills the inputs of language-model steps, without allocating. Thread-safe. */
final class StepInputs {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final long vocabulary;
    private final long hidden;
    private final long maxPages;
    private final long maxTokens;

    /**
     * @param maxPages cache pages of a sequence that steps have room for
     */
    StepInputs(DecoderConfig config, CacheShape cache, long maxPages) {
        vocabulary = config.vocabSize();
        hidden = config.hiddenSize();
        this.maxPages = maxPages;
        maxTokens = maxPages * cache.pageTokens();
    }

    /**
     * Takes pages for more tokens of a sequence.
     *
     * @throws IllegalArgumentException if the sequence becomes longer than steps have room for
     * @throws CacheFullException if there are no pages; nothing is taken then
     */
    void reserve(KvCache cache, int tokens) {
        long length = cache.length() + (long) tokens;
        if (length > maxTokens) {
            throw new IllegalArgumentException(
                    "a sequence of "
                            + length
                            + " tokens is longer than the "
                            + maxTokens
                            + " that steps have room for");
        }
        cache.reserve(tokens);
    }

    /** Page table and rotary frequencies of sequence {@code s}. */
    void sequence(Run run, int s, KvCache cache, RopeFrequencies f) {
        MemorySegment pages = run.input("pages");
        for (int i = 0; i < cache.pageCount(); i++) {
            pages.setAtIndex(ValueLayout.JAVA_LONG, s * maxPages + i, cache.page(i));
        }
        MemorySegment inverse = run.input("inverse_frequencies");
        for (int j = 0; j < f.half(); j++) {
            inverse.setAtIndex(FLOAT, (long) s * f.half() + j, f.inverse(j));
        }
        run.input("rope_scale").setAtIndex(FLOAT, s, f.scale());
    }

    /**
     * An id, if it is one.
     *
     * @throws IllegalArgumentException if it is outside the vocabulary
     */
    int checked(int id) {
        if (id < 0 || id >= vocabulary) {
            throw new IllegalArgumentException(
                    "token id " + id + " is outside the model's vocabulary of " + vocabulary);
        }
        return id;
    }

    /** A row: a token of sequence {@code s} whose slot in the cache is its position as well. */
    void row(Run run, int row, int id, int s, int at) {
        run.input("ids").setAtIndex(INT, row, id);
        run.input("sequence").setAtIndex(INT, row, s);
        run.input("slot").setAtIndex(INT, row, at);
        run.input("position").setAtIndex(INT, row, at);
    }

    /** The embedding of a row that shows part of an image, or word that it has none. */
    void embedding(Run run, int row, Prompt prompt, int token) {
        int image = prompt.imageOf()[token];
        run.input("embedding_index").setAtIndex(INT, row, image < 0 ? -1 : row);
        if (image >= 0) {
            MemorySegment.copy(
                    prompt.features().of(image),
                    prompt.rowOf()[token] * hidden * 4,
                    run.input("embeddings"),
                    row * hidden * 4,
                    hidden * 4);
        }
    }
}
