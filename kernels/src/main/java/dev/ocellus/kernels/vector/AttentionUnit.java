package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.scalar.Memory;
import dev.ocellus.tensor.Conversions;
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

    /**
     * Bytes of a row of keys [element][key]: a page's last vector may reach past its last token,
     * and at the end of a row past the block's.
     */
    private static final long KEY_BYTES = (KEYS + Panels.ROWS) * 4L;

    // In the workspace: queries [element][query]; sums and values [row][rowBytes]; keys like values
    // or as [element][key].
    private final long queryElements = Workspace.address();
    private final long sums = queryElements + MATRIX;
    private final long valueRows = sums + MATRIX;
    private final long keyMatrix = valueRows + MATRIX;
    private final long scores = keyMatrix + MAX_HEAD * KEY_BYTES;
    private final long ownScores = scores + KEYS * MOST_BYTES;
    private final long largest = ownScores + MOST_BYTES;
    private final long total = largest + MOST_BYTES;
    private final long change = total + MOST_BYTES;
    private final long starts = change + MOST_BYTES;
    private final long limits = starts + MOST_BYTES;

    /** The first key that each query attends to. */
    private final long[] start = new long[QUERIES];

    /** The key after the last one that each query attends to. */
    private final long[] limit = new long[QUERIES];

    private int queries;

    /** Bytes of one value of each query, whole vectors. */
    private long queryBytes;

    private long headDim;
    private long rowBytes;
    private float scale;
    private boolean rounded;

    /** Bytes from a key to the next, and from an element of a key to the next. */
    private long keyStep;

    private long elementStep;

    /** The calling thread's. */
    static AttentionUnit ofThread() {
        return UNIT.get();
    }

    private AttentionUnit() {}

    /**
     * Begins with no queries.
     *
     * @param most queries that will be added
     */
    void start(long most, long headDim, double scale, ComputeType compute) {
        queryBytes = Lanes.whole(most * 4 + Lanes.BYTES - 1);
        this.headDim = headDim;
        this.scale = (float) (scale * LOG2_E);
        rounded = compute == ComputeType.BF16;
        long wide = Tile.QUAD * Lanes.BYTES;
        rowBytes = (headDim * 4 + wide - 1) / wide * wide;
        queries = 0;
    }

    /** Adds a query that attends to the keys [first, end). */
    void addQuery(long query, long first, long end) {
        long lane = queryElements + queries * 4L;
        for (long d = 0; d < headDim; d++) {
            float x = Memory.f32(query + d * 4);
            float factor = rounded ? Conversions.bf16ToFloat(Conversions.floatToBf16(x)) : x;
            Memory.f32(lane + d * queryBytes, factor * scale);
        }
        Memory.f32(starts + queries * 4L, first);
        Memory.f32(limits + queries * 4L, end);
        start[queries] = first;
        limit[queries++] = end;
    }

    /** After the last query, before the first key. */
    void begin() {
        Spans.fill(largest, -Float.MAX_VALUE, queryBytes);
        Spans.fill(total, 0, queryBytes);
        Spans.fill(sums, 0, queries * rowBytes);
    }

    /** Sets all keys and values of the next block from rows of float32. */
    void setRows(long count, long key, long keyStep, long value, long valueStep) {
        for (long i = 0; i < count; i++) {
            setRow(key + i * keyStep, keyMatrix + i * rowBytes);
            setRow(value + i * valueStep, valueRows + i * rowBytes);
        }
        this.keyStep = rowBytes;
        elementStep = Float.BYTES;
    }

    private void setRow(long from, long to) {
        if (rounded) {
            RoundActivations.round(from, to, headDim * 4);
        } else {
            Spans.copy(from, to, headDim * 4);
        }
    }

    /**
     * Sets keys of the next block from words of a page; see {@link CacheWords}.
     *
     * @param index of the first of them in the block
     */
    void setKeys(DType type, long index, long count, long words, long wordStep) {
        long to = keyMatrix + index * 4;
        CacheWords.widen(type, words, wordStep, headDim, count, to, KEY_BYTES);
        keyStep = Float.BYTES;
        elementStep = KEY_BYTES;
    }

    /** Sets elements [first, first + elements) of values, as {@link #setKeys} does keys. */
    void setValues(
            DType type,
            long index,
            long count,
            long first,
            long elements,
            long words,
            long wordStep) {
        long to = valueRows + index * rowBytes + first * 4;
        CacheWords.widen(type, words, wordStep, count, elements, to, rowBytes);
    }

    /** All queries meet the keys [first, first + count), which have been set. */
    void attend(long first, long count) {
        if (queries < Lanes.COUNT && keyStep == Float.BYTES) {
            scoreQueries(count);
        } else {
            scoreKeys(count);
        }
        boolean all = latest(0, queries) <= first && fewest(0, queries) >= first + count;
        for (long lane = 0; lane < queries * 4L; lane += Lanes.BYTES) {
            if (!all) {
                Softmax.hide(scores + lane, queryBytes, first, count, starts + lane, limits + lane);
            }
            Softmax.raise(scores + lane, queryBytes, count, largest + lane, change + lane);
            Spans.multiply(total + lane, change + lane, total + lane, Lanes.BYTES);
            Softmax.weigh(scores + lane, queryBytes, count, largest + lane, total + lane);
        }
        if (rounded) {
            RoundActivations.round(scores, scores, count * queryBytes);
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

    private long latest(int from, int to) {
        long latest = 0;
        for (int i = from; i < to; i++) {
            latest = Math.max(latest, start[i]);
        }
        return latest;
    }

    private long fewest(int from, int to) {
        long fewest = Long.MAX_VALUE;
        for (int i = from; i < to; i++) {
            fewest = Math.min(fewest, limit[i]);
        }
        return fewest;
    }

    /** Scores of a few queries: lanes are keys, but what is computed in one is the same. */
    private void scoreQueries(long count) {
        for (long query = 0; query < queries * 4L; query += 4) {
            Spans.fill(ownScores, 0, KEYS * 4L);
            for (long lane = 0; lane < count * 4; lane += Tile.QUAD * Lanes.BYTES) {
                long keys = keyMatrix + lane;
                Tile.oneRow(
                        queryElements + query,
                        queryBytes,
                        keys,
                        keys + Lanes.BYTES,
                        keys + 2 * Lanes.BYTES,
                        keys + 3 * Lanes.BYTES,
                        KEY_BYTES,
                        headDim,
                        ownScores + lane);
            }
            for (long key = 0; key < count; key++) {
                Memory.f32(scores + key * queryBytes + query, Memory.f32(ownScores + key * 4));
            }
        }
    }

    private void scoreKeys(long count) {
        Spans.fill(scores, 0, KEYS * queryBytes);
        for (long key = 0; key < count; key += Tile.ROWS) {
            long x = keyMatrix + key * keyStep;
            long to = scores + key * queryBytes;
            long lane = 0;
            for (; lane + Lanes.BYTES < queries * 4L; lane += Tile.PAIR * Lanes.BYTES) {
                Tile.fourRows(
                        x,
                        x + keyStep,
                        x + 2 * keyStep,
                        x + 3 * keyStep,
                        elementStep,
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
                        x + keyStep,
                        x + 2 * keyStep,
                        x + 3 * keyStep,
                        elementStep,
                        queryElements + lane,
                        queryBytes,
                        headDim,
                        to + lane,
                        queryBytes);
            }
        }
    }

    /**
     * Adds the weighted values to the sums of four queries. Each begins and stops at its own first
     * and last key: others must not count even with weight zero, for their values may be infinite.
     */
    private void addValues(int query, long first, long count) {
        int end = Math.min(query + Tile.ROWS, queries);
        boolean together = end == query + Tile.ROWS;
        long from = together ? Math.clamp(latest(query, end) - first, 0, count) : count;
        long to = Math.max(from, Math.clamp(fewest(query, end) - first, 0, count));
        for (int i = query; i < end; i++) {
            addRest(i, Math.max(start[i] - first, 0), Math.min(limit[i] - first, from));
        }
        if (to > from) {
            addShared(query, from, to);
        }
        for (int i = query; i < end; i++) {
            addRest(i, Math.max(start[i] - first, to), Math.min(limit[i] - first, count));
        }
    }

    /** Adds the weighted values [from, to) of the block to the sums of four queries. */
    private void addShared(int query, long from, long to) {
        long weight = scores + from * queryBytes + query * 4L;
        long value = valueRows + from * rowBytes;
        long sum = sums + query * rowBytes;
        for (long lane = 0; lane < headDim * 4; lane += Tile.PAIR * Lanes.BYTES) {
            Tile.fourRows(
                    weight,
                    weight + 4,
                    weight + 8,
                    weight + 12,
                    queryBytes,
                    value + lane,
                    value + lane + Lanes.BYTES,
                    rowBytes,
                    to - from,
                    sum + lane,
                    rowBytes);
        }
    }

    /** The same for one query, if there are any. */
    private void addRest(int query, long from, long to) {
        if (from >= to) {
            return;
        }
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
