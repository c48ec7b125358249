package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;

/**
 * A paged key/value cache laid out by hand as {@link KernelCall.KvAppend} says; every page lies in
 * memory of its own, between gaps where the layout allows them, and starts poisoned.
 */
final class PagedCache {
    final DType type;
    final int maxPages;
    final int pageTokens;
    final int kvHeads;
    final int headDim;
    final long kOffset;
    final long vOffset;
    private final int pair;
    private final int paddedDim;
    private final long keyWords;
    private final long valueWords;
    private final MemorySegment[] pages;
    private final MemorySegment table;

    /**
     * @param lengths slots for which each sequence has pages; the other entries of the table are 0
     */
    PagedCache(
            Operands operands,
            DType type,
            int pageTokens,
            int kvHeads,
            int headDim,
            int... lengths) {
        this.type = type;
        this.pageTokens = pageTokens;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        int most = 0;
        for (int length : lengths) {
            most = Math.max(most, (length + pageTokens - 1) / pageTokens);
        }
        maxPages = most + 1;
        long size = type.byteSize();
        pair = 4 / type.byteSize();
        paddedDim = columns(headDim);
        keyWords = (long) (headDim + pair - 1) / pair * columns(pageTokens);
        valueWords = (long) pageTokens / pair * paddedDim;
        long valueBytes = kvHeads * valueWords * 4;
        kOffset = 3 * size;
        vOffset = kOffset + kvHeads * keyWords * 4 + 5 * size;
        pages = new MemorySegment[lengths.length * maxPages];
        long[] addresses = new long[pages.length];
        for (int s = 0; s < lengths.length; s++) {
            for (int p = 0; p * pageTokens < lengths[s]; p++) {
                MemorySegment page = operands.bytes(vOffset + valueBytes, size);
                pages[s * maxPages + p] = page;
                addresses[s * maxPages + p] = page.address();
            }
        }
        table = operands.longs(addresses);
    }

    long tableAddress() {
        return table.address();
    }

    /** Stores an element of a key or value, rounded to the cache's type; returns it so. */
    float store(boolean key, int sequence, int slot, int head, int i, float value) {
        MemorySegment page = pages[sequence * maxPages + slot / pageTokens];
        int token = slot % pageTokens;
        long at =
                key
                        ? kOffset + head * keyWords * 4 + keyOffset(token, i)
                        : vOffset + head * valueWords * 4 + valueOffset(token, i);
        return Operands.store(page, at, type, value);
    }

    /** Stores the zero that is the partner of the last element of a key of odd width. */
    void pad(int sequence, int slot, int head) {
        if (headDim % pair != 0) {
            store(true, sequence, slot, head, headDim, 0);
        }
    }

    private static int columns(int n) {
        return (n + 15) / 16 * 16;
    }

    private long keyOffset(int token, int i) {
        int block = token / 64;
        int width = Math.min(64, columns(pageTokens) - block * 64);
        long words = (headDim + pair - 1) / pair;
        return (block * 64 * words + (long) (i / pair) * width + token % 64) * 4
                + i % pair * type.byteSize();
    }

    private long valueOffset(int token, int i) {
        int block = i / 64;
        int width = Math.min(64, paddedDim - block * 64);
        long rows = pageTokens / pair;
        return (block * 64 * rows + (long) (token / pair) * width + i % 64) * 4
                + token % pair * type.byteSize();
    }

    /** Whether the pages of both hold the same bytes. */
    boolean sameBytes(PagedCache other) {
        for (int i = 0; i < pages.length; i++) {
            if (pages[i] != null && pages[i].mismatch(other.pages[i]) >= 0) {
                return false;
            }
        }
        return true;
    }
}
