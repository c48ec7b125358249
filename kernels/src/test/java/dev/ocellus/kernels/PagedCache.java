package dev.ocellus.kernels;

import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A paged key/value cache laid out by hand as {@link KernelCall.KvAppend} says, or for a GPU in
 * rows; every page lies in memory of its own, between gaps where the layout allows them, and starts
 * poisoned.
 */
final class PagedCache {
    final DType type;
    final int maxPages;
    final int pageTokens;
    final int kvHeads;
    final int headDim;
    final long kOffset;
    final long vOffset;
    private static final int BLOCK_BYTES = 34;

    private final Layout layout;
    private final int blocks;
    private final int pair;
    private final int paddedDim;
    private final long keyBytes;
    private final long valueBytes;
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
        layout = operands.layout();
        this.type = type;
        this.pageTokens = pageTokens;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        int most = 0;
        for (int length : lengths) {
            most = Math.max(most, (length + pageTokens - 1) / pageTokens);
        }
        maxPages = most + 1;
        blocks = (headDim + 31) / 32;
        pair = type == DType.Q8 ? 0 : 4 / type.byteSize();
        paddedDim = columns(headDim);
        long size = type == DType.Q8 ? 2 : type.byteSize();
        if (type == DType.Q8 || layout == Layout.ROWS) {
            long row = type == DType.Q8 ? (long) blocks * BLOCK_BYTES : headDim * size;
            keyBytes = pageTokens * row;
            valueBytes = keyBytes;
        } else {
            keyBytes = (long) (headDim + pair - 1) / pair * columns(pageTokens) * 4;
            valueBytes = (long) pageTokens / pair * paddedDim * 4;
        }
        kOffset = 3 * size;
        vOffset = kOffset + kvHeads * keyBytes + 5 * size;
        pages = new MemorySegment[lengths.length * maxPages];
        long[] addresses = new long[pages.length];
        for (int s = 0; s < lengths.length; s++) {
            for (int p = 0; p * pageTokens < lengths[s]; p++) {
                MemorySegment page = operands.bytes(vOffset + kvHeads * valueBytes, size);
                pages[s * maxPages + p] = page;
                addresses[s * maxPages + p] = page.address();
            }
        }
        table = operands.longs(addresses);
    }

    long tableAddress() {
        return table.address();
    }

    /** Stores a key or value, rounded to the cache's type; returns it so. */
    float[] store(boolean key, int sequence, int slot, int head, float[] row) {
        MemorySegment page = pages[sequence * maxPages + slot / pageTokens];
        int token = slot % pageTokens;
        long matrix = key ? kOffset + head * keyBytes : vOffset + head * valueBytes;
        if (type == DType.Q8) {
            return storeBlocks(page, matrix + (long) token * blocks * BLOCK_BYTES, row);
        }
        float[] stored = new float[headDim];
        for (int i = 0; i < headDim; i++) {
            long at = matrix + (key ? keyOffset(token, i) : valueOffset(token, i));
            stored[i] = Operands.store(page, at, type, row[i]);
        }
        if (key && headDim % pair != 0 && layout == Layout.PANELS) {
            // The partner of the last element.
            Operands.store(page, matrix + keyOffset(token, headDim), type, 0);
        }
        return stored;
    }

    private float[] storeBlocks(MemorySegment page, long at, float[] row) {
        float[] stored = new float[headDim];
        for (int b = 0; b < blocks; b++, at += BLOCK_BYTES) {
            float largest = 0;
            for (int i = b * 32; i < Math.min(b * 32 + 32, headDim); i++) {
                largest = Math.max(largest, Math.abs(row[i]));
            }
            float scale = Operands.store(page, at, DType.F16, largest / 127);
            float inverse = scale == 0 ? 0 : 1 / scale;
            for (int i = b * 32; i < b * 32 + 32; i++) {
                float x = i < headDim ? row[i] : 0;
                int q = (int) Math.clamp(Math.rint(x * inverse), -127, 127);
                page.set(ValueLayout.JAVA_BYTE, at + 2 + i % 32, (byte) q);
                if (i < headDim) {
                    stored[i] = q * scale;
                }
            }
        }
        return stored;
    }

    private static int columns(int n) {
        return (n + 15) / 16 * 16;
    }

    private long rowOffset(int token, int i) {
        return ((long) token * headDim + i) * type.byteSize();
    }

    private long keyOffset(int token, int i) {
        if (layout == Layout.ROWS) {
            return rowOffset(token, i);
        }
        int block = token / 64;
        int width = Math.min(64, columns(pageTokens) - block * 64);
        long words = (headDim + pair - 1) / pair;
        return (block * 64 * words + (long) (i / pair) * width + token % 64) * 4
                + i % pair * type.byteSize();
    }

    private long valueOffset(int token, int i) {
        if (layout == Layout.ROWS) {
            return rowOffset(token, i);
        }
        int block = i / 64;
        int width = Math.min(64, paddedDim - block * 64);
        long rows = pageTokens / pair;
        return (block * 64 * rows + (long) (token / pair) * width + i % 64) * 4
                + token % pair * type.byteSize();
    }

    /**
     * Whether the pages of both hold the same bytes, but for those of elements that are not a
     * number: providers write different ones. What was never written must be so in both.
     */
    boolean sameElements(PagedCache other) {
        for (int i = 0; i < pages.length; i++) {
            if (pages[i] != null && !sameElements(pages[i], other.pages[i])) {
                return false;
            }
        }
        return true;
    }

    private boolean sameElements(MemorySegment page, MemorySegment expected) {
        // The scales of Q8 are float16 among bytes; there only Java's own NaN is taken for one.
        long size = type == DType.F32 ? 4 : 2;
        for (long at = 0; at < page.byteSize(); at += size) {
            int bits = bits(page, at);
            int wanted = bits(expected, at);
            boolean number = type == DType.Q8 ? (wanted & 0x7fff) != 0x7e00 : !isWrittenNaN(wanted);
            if (bits != wanted && (number || !isWrittenNaN(bits))) {
                return false;
            }
        }
        return true;
    }

    private int bits(MemorySegment page, long at) {
        return type == DType.F32
                ? page.get(ValueLayout.JAVA_INT_UNALIGNED, at)
                : page.get(ValueLayout.JAVA_SHORT_UNALIGNED, at);
    }

    private boolean isWrittenNaN(int bits) {
        float value =
                switch (type) {
                    case F32 -> Float.intBitsToFloat(bits);
                    case BF16 -> Conversions.bf16ToFloat((short) bits);
                    default -> Conversions.f16ToFloat((short) bits);
                };
        return Float.isNaN(value) && bits != Operands.POISON;
    }
}
