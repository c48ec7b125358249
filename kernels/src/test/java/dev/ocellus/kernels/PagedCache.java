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
        long cells = (long) kvHeads * pageTokens * headDim * size;
        kOffset = 3 * size;
        vOffset = kOffset + cells + 5 * size;
        pages = new MemorySegment[lengths.length * maxPages];
        long[] addresses = new long[pages.length];
        for (int s = 0; s < lengths.length; s++) {
            for (int p = 0; p * pageTokens < lengths[s]; p++) {
                MemorySegment page = operands.bytes(vOffset + cells, size);
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
        long element = ((long) head * pageTokens + slot % pageTokens) * headDim + i;
        long offset = (key ? kOffset : vOffset) + element * type.byteSize();
        return Operands.store(page, offset, type, value);
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
