package dev.ocellus.graph;

import dev.ocellus.tensor.DType;

/**
 * Layout of a paged key/value cache: a page holds {@code pageTokens} slots of all layers; in it
 * lie, layer after layer, the keys [kvHeads, pageTokens, headDim] and then the values of the same
 * shape.
 */
public record CacheShape(int layers, long kvHeads, long headDim, long pageTokens, DType dtype) {

    public long pageBytes() {
        return layers * 2L * planeBytes();
    }

    public long keyOffset(int layer) {
        return layer * 2L * planeBytes();
    }

    public long valueOffset(int layer) {
        return keyOffset(layer) + planeBytes();
    }

    /** Bytes that one token takes in all layers. */
    public long tokenBytes() {
        return pageBytes() / pageTokens;
    }

    public long pages(long tokens) {
        return (tokens + pageTokens - 1) / pageTokens;
    }

    private long planeBytes() {
        return dtype.byteSize(kvHeads * pageTokens * headDim);
    }
}
