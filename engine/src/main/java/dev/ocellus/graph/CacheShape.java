package dev.ocellus.graph;

import dev.ocellus.kernels.KvPanels;
import dev.ocellus.tensor.DType;

/**
 * Layout of a paged key/value cache: a page holds {@code pageTokens} slots (a multiple of 16) of
 * all layers; in it lie, layer after layer, the keys of all heads and then the values, as {@link
 * KvPanels} says.
 */
public record CacheShape(int layers, long kvHeads, long headDim, long pageTokens, DType dtype) {

    public long pageBytes() {
        return layers * (keyBytes() + valueBytes());
    }

    public long keyOffset(int layer) {
        return layer * (keyBytes() + valueBytes());
    }

    public long valueOffset(int layer) {
        return keyOffset(layer) + keyBytes();
    }

    /** Bytes of one token's keys and values in all layers. */
    public long tokenBytes() {
        return layers * 2 * kvHeads * dtype.byteSize(headDim);
    }

    public long pages(long tokens) {
        return (tokens + pageTokens - 1) / pageTokens;
    }

    private long keyBytes() {
        return kvHeads * KvPanels.keyBytes(dtype, pageTokens, headDim);
    }

    private long valueBytes() {
        return kvHeads * KvPanels.valueBytes(dtype, pageTokens, headDim);
    }
}
