package dev.ocellus.generate;

import dev.ocellus.model.RopeFrequencies;

import java.util.Arrays;

/**
 * Keys and values of one sequence: a page table and what the slots hold. For one thread at a time;
 * pages go back to the pool on {@link #close}.
 */
public final class KvCache implements AutoCloseable {
    private final PagePool pool;
    private long[] pages = new long[8];
    private int pageCount;
    private long[] contents = new long[64];
    private int length;
    private RopeFrequencies frequencies;

    public KvCache(PagePool pool) {
        this.pool = pool;
    }

    /** Tokens that are cached. */
    public int length() {
        return length;
    }

    /** Frequencies with which the cached keys were rotated; null when nothing is cached. */
    RopeFrequencies frequencies() {
        return frequencies;
    }

    /**
     * States with which frequencies the next keys are rotated; keys rotated otherwise are dropped.
     */
    void frequencies(RopeFrequencies f) {
        if (length > 0 && !f.equals(frequencies)) {
            truncate(0);
        }
        frequencies = f;
    }

    /**
     * How many leading tokens are cached already. A token is known by a number that stands for its
     * id or its image and place.
     */
    int commonPrefix(long[] tokens) {
        int limit = Math.min(length, tokens.length);
        int n = Arrays.mismatch(contents, 0, limit, tokens, 0, limit);
        return n < 0 ? limit : n;
    }

    /** Forgets all but the first {@code tokens} tokens. */
    public void truncate(int tokens) {
        length = Math.min(length, tokens);
        long keep = pool.shape().pages(length);
        while (pageCount > keep) {
            pool.give(pages[--pageCount]);
        }
    }

    /** Takes the next slot for a token; there must be a page for it, see {@link #reserve}. */
    int append(long token) {
        if (length == contents.length) {
            contents = Arrays.copyOf(contents, length * 2);
        }
        contents[length] = token;
        return length++;
    }

    /**
     * Takes pages for {@code tokens} more tokens.
     *
     * @throws CacheFullException when the pool has no more; nothing is taken then
     */
    void reserve(int tokens) {
        long need = pool.shape().pages((long) length + tokens);
        int before = pageCount;
        try {
            while (pageCount < need) {
                if (pageCount == pages.length) {
                    pages = Arrays.copyOf(pages, pageCount * 2);
                }
                pages[pageCount] = pool.take();
                pageCount++;
            }
        } catch (CacheFullException e) {
            while (pageCount > before) {
                pool.give(pages[--pageCount]);
            }
            throw e;
        }
    }

    int pageCount() {
        return pageCount;
    }

    long page(int i) {
        return pages[i];
    }

    @Override
    public void close() {
        truncate(0);
    }
}
