package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall.PagedAttention;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.kernels.scalar.Memory;
import dev.ocellus.tensor.DType;

/** Brings keys and values from the pages of a cache to a unit, a block of keys at a time. */
record PageBlocks(PagedAttention call, long keyBytes, long valueBytes) {
    /** Columns that a row of words holds at most; see {@link KvPanels}. */
    private static final long COLUMNS = 64;

    PageBlocks(PagedAttention call) {
        this(
                call,
                KvPanels.keyBytes(call.cacheType(), call.pageTokens(), call.headDim()),
                KvPanels.valueBytes(call.cacheType(), call.pageTokens(), call.headDim()));
    }

    /**
     * Sets the tokens [from, end) of the block that begins with token {@code block}. What precedes
     * them is left as it is as far as it is on pages of its own.
     */
    void set(AttentionUnit unit, long sequence, long kvHead, long block, long from, long end) {
        long pages = call.pages() + sequence * call.maxPages() * 8;
        long tokens = call.pageTokens();
        long t = Math.max(block, from / tokens * tokens);
        while (t < end) {
            long page = Memory.i64(pages + t / tokens * 8);
            long token = t % tokens;
            long rest = Math.min(tokens, token / COLUMNS * COLUMNS + COLUMNS) - token;
            long count = Math.min(rest, end - t);
            setKeys(unit, t - block, count, page + call.kOffset() + kvHead * keyBytes, token);
            setValues(unit, t - block, count, page + call.vOffset() + kvHead * valueBytes, token);
            t += count;
        }
    }

    private void setKeys(AttentionUnit unit, long index, long count, long head, long token) {
        DType type = call.cacheType();
        long words = keyOffset(token, 0);
        long wordStep = keyOffset(token, pair()) - words;
        unit.setKeys(type, index, count, head + words, wordStep);
    }

    private void setValues(AttentionUnit unit, long index, long count, long head, long token) {
        DType type = call.cacheType();
        for (long i = 0; i < call.headDim(); i += COLUMNS) {
            long words = valueOffset(token, i);
            long wordStep = valueOffset(token + pair(), i) - words;
            long elements = Math.min(COLUMNS, call.headDim() - i);
            unit.setValues(type, index, count, i, elements, head + words, wordStep);
        }
    }

    private long pair() {
        return Float.BYTES / call.cacheType().byteSize();
    }

    private long keyOffset(long token, long i) {
        return KvPanels.keyOffset(call.cacheType(), call.pageTokens(), call.headDim(), token, i);
    }

    private long valueOffset(long token, long i) {
        return KvPanels.valueOffset(call.cacheType(), call.pageTokens(), call.headDim(), token, i);
    }
}
