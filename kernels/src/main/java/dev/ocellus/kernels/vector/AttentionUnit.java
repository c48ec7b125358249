package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.scalar.Memory;
import dev.ocellus.tensor.DType;

/**
 * Attention of up to {@value #QUERIES} queries to the same keys, a block of keys at a time. Scores
 * lie [key][query], so that neither they nor the softmax need a sum across lanes; the sums of
 * values lie [query][element]. A query's lanes never meet another's. Kept once per thread.
 */
final class AttentionUnit {
    static final int QUERIES = 64;

    /** Keys of a block. Blocks begin at multiples of it, whatever the queries. */
    static final int KEYS = 64;

    /** Longest head. */
    static final int MAX_HEAD = 256;

    /** Bytes of one value of each query at most. */
    private static final long MOST_BYTES = QUERIES * 4;

    private static final long MATRIX = QUERIES * MAX_HEAD * 4;
    private static final double LOG2_E = 1.4426950408889634;

    private static final ThreadLocal<AttentionUnit> UNIT =
            ThreadLocal.withInitial(AttentionUnit::new);

    // In the workspace: queries [element][query], sums, keys and values [row][rowBytes].
    private final long queryElements = Workspace.address();
    private final long sums = queryElements + MATRIX;
    private final long keyRows = sums + MATRIX;
    private final long valueRows = keyRows + MATRIX;
    private final long scores = valueRows + MATRIX;
    private final long largest = scores + KEYS * MOST_BYTES;
    private final long total = largest + MOST_BYTES;
    private final long change = total + MOST_BYTES;
    private final long limits = change + MOST_BYTES;

    /** Keys that each query attends to. */
    private final long[] limit = new long[QUERIES];

    private int queries;

    /** Bytes of one value of each query, whole vectors. */
    private long queryBytes;

    private long headDim;
    private long rowBytes;
    private float scale;
    private DType type;

    /** The calling thread's. */
    static AttentionUnit ofThread() {
        return UNIT.get();
    }

    private AttentionUnit() {}

    /**
     * Begins with no queries.
     *
     * @param most queries that will be added
     * @param type of keys and values: F32, F16 or BF16
     */
    void start(long most, long headDim, DType type, double scale) {
        queryBytes = Lanes.whole(most * 4 + Lanes.BYTES - 1);
        this.headDim = headDim;
        this.type = type;
        this.scale = (float) (scale * LOG2_E);
        long wide = Tile.QUAD * Lanes.BYTES;
        rowBytes = (headDim * 4 + wide - 1) / wide * wide;
        queries = 0;
    }

    /** Adds a query that attends to the first {@code keys} keys. */
    void addQuery(long query, long keys) {
        long lane = queryElements + queries * 4L;
        for (long d = 0; d < headDim; d++) {
            Memory.f32(lane + d * queryBytes, Memory.f32(query + d * 4) * scale);
        }
        Memory.f32(limits + queries * 4L, keys);
        limit[queries++] = keys;
    }

    /** After the last query, before the first key. */
    void begin() {
        Spans.fill(largest, Float.NEGATIVE_INFINITY, queryBytes);
        Spans.fill(total, 0, queryBytes);
        Spans.fill(sums, 0, wholeTiles() * rowBytes);
    }

    private long wholeTiles() {
        return (queries + Tile.ROWS - 1L) / Tile.ROWS * Tile.ROWS;
    }

    /**
     * Sets keys and values of the block that {@link #attend} is called for next.
     *
     * @param index of the first of them in the block
     * @param key address of the first key; the next is {@code keyStep} bytes on
     */
    void setKeys(long index, long count, long key, long keyStep, long value, long valueStep) {
        long row = index * rowBytes;
        CacheRows.widen(type, key, keyStep, count, headDim, keyRows + row, rowBytes);
        CacheRows.widen(type, value, valueStep, count, headDim, valueRows + row, rowBytes);
    }

    /** All queries meet the keys [first, first + count), which have been set. */
    void attend(long first, long count) {
        score(count);
        long shared = fewest(0, queries) - first;
        for (long lane = 0; lane < queries * 4L; lane += Lanes.BYTES) {
            if (shared < count) {
                long from = Math.max(shared, 0);
                Softmax.hide(
                        scores + from * queryBytes + lane,
                        queryBytes,
                        first + from,
                        count - from,
                        limits + lane);
            }
            Softmax.raise(scores + lane, queryBytes, count, largest + lane, change + lane);
            Spans.multiply(total + lane, change + lane, total + lane, Lanes.BYTES);
            Softmax.weigh(scores + lane, queryBytes, count, largest + lane, total + lane);
        }
        for (int i = 0; i < queries; i++) {
            float factor = Memory.f32(change + i * 4L);
            if (factor != 1) {
                Spans.multiply(sums + i * rowBytes, factor, rowBytes);
            }
        }
        for (int i = 0; i < queries; i += Tile.ROWS) {
            addValues(i, first, count);
        }
    }

    private long fewest(int from, int to) {
        long fewest = Long.MAX_VALUE;
        for (int i = from; i < to; i++) {
            fewest = Math.min(fewest, limit[i]);
        }
        return fewest;
    }

    private void score(long count) {
        Spans.fill(scores, 0, KEYS * queryBytes);
        for (long key = 0; key < count; key += Tile.ROWS) {
            long x = keyRows + key * rowBytes;
            long to = scores + key * queryBytes;
            long lane = 0;
            for (; lane + Lanes.BYTES < queries * 4L; lane += Tile.PAIR * Lanes.BYTES) {
                Tile.fourRows(
                        x,
                        x + rowBytes,
                        x + 2 * rowBytes,
                        x + 3 * rowBytes,
                        Float.BYTES,
                        queryElements + lane,
                        queryElements + lane + Lanes.BYTES,
                        queryBytes,
                        headDim,
                        to + lane,
                        queryBytes);
            }
            if (lane < queries * 4L) {
                Tile.fourRowsNarrow(
                        x,
                        x + rowBytes,
                        x + 2 * rowBytes,
                        x + 3 * rowBytes,
                        Float.BYTES,
                        queryElements + lane,
                        queryBytes,
                        headDim,
                        to + lane,
                        queryBytes);
            }
        }
    }

    /**
     * Adds the weighted values to the sums of four queries. Each stops at its own last key: a later
     * one must not count even with weight zero, for its value may be infinite.
     */
    private void addValues(int query, long first, long count) {
        int end = Math.min(query + Tile.ROWS, queries);
        long shared = Math.clamp(fewest(query, end) - first, 0, count);
        long weight = scores + query * 4L;
        long sum = sums + query * rowBytes;
        for (long lane = 0; lane < headDim * 4; lane += Tile.PAIR * Lanes.BYTES) {
            Tile.fourRows(
                    weight,
                    weight + 4,
                    weight + 8,
                    weight + 12,
                    queryBytes,
                    valueRows + lane,
                    valueRows + lane + Lanes.BYTES,
                    rowBytes,
                    shared,
                    sum + lane,
                    rowBytes);
        }
        for (int i = query; i < end; i++) {
            long own = Math.clamp(limit[i] - first, 0, count);
            if (own > shared) {
                addRest(i, shared, own);
            }
        }
    }

    /** Adds the weighted values [from, to) of the block to the sums of one query. */
    private void addRest(int query, long from, long to) {
        long weight = scores + from * queryBytes + query * 4L;
        for (long lane = 0; lane < rowBytes; lane += Tile.QUAD * Lanes.BYTES) {
            long value = valueRows + from * rowBytes + lane;
            Tile.oneRow(
                    weight,
                    queryBytes,
                    value,
                    value + Lanes.BYTES,
                    value + 2 * Lanes.BYTES,
                    value + 3 * Lanes.BYTES,
                    rowBytes,
                    to - from,
                    sums + query * rowBytes + lane);
        }
    }

    /** Writes the result of a query. */
    void finish(int query, long out) {
        long sum = sums + query * rowBytes;
        Spans.multiply(sum, 1 / Memory.f32(total + query * 4L), rowBytes);
        Spans.copy(sum, out, headDim * 4);
    }
}
