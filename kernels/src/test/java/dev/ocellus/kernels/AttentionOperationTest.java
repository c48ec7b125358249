package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.Attention;
import dev.ocellus.kernels.KernelCall.PagedAttention;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

class AttentionOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";

    record Heads(int heads, int kvHeads, int headDim) {
        int cols() {
            return heads * headDim;
        }

        int kvHead(int head) {
            return head / (heads / kvHeads);
        }

        @Override
        public String toString() {
            return "heads %d/%d of %d".formatted(heads, kvHeads, headDim);
        }
    }

    private static final List<Heads> HEADS =
            List.of(
                    new Heads(1, 1, 1),
                    new Heads(2, 1, 5),
                    new Heads(3, 3, 16),
                    new Heads(4, 2, 24),
                    new Heads(7, 1, 33),
                    new Heads(2, 2, 64),
                    new Heads(2, 1, 128));

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void attention(Setting setting) {
        // Segments, query length, key length.
        int[][] sizes = {{1, 1, 1}, {2, 3, 5}, {3, 7, 4}, {1, 17, 33}, {2, 2, 130}};
        for (int[] s : sizes) {
            for (Heads heads : HEADS) {
                for (ComputeType compute : COMPUTE) {
                    OperationCheck.check(
                            setting,
                            20,
                            (ops, rnd) -> attention(s[0], s[1], s[2], heads, compute, ops, rnd));
                }
            }
        }
    }

    /**
     * Each size for which CUDA has a kernel, the largest head, and more heads than a tile holds.
     */
    @ParameterizedTest(name = "{0}")
    @MethodSource("dev.ocellus.kernels.OperationCheck#cudaSettings")
    void headsOfCudaKernels(Setting setting) {
        List<Heads> sizes =
                List.of(
                        new Heads(2, 1, 72),
                        new Heads(1, 1, 96),
                        new Heads(1, 1, 130),
                        new Heads(1, 1, 512),
                        new Heads(67, 1, 8));
        for (Heads heads : sizes) {
            for (ComputeType compute : COMPUTE) {
                OperationCheck.check(
                        setting, 25, (ops, rnd) -> attention(2, 3, 70, heads, compute, ops, rnd));
            }
            for (Cache cache : CACHES) {
                OperationCheck.check(
                        setting,
                        26,
                        (ops, rnd) -> paged(cache, 16, 0, new int[][] {{70, 72}}, heads, ops, rnd));
            }
        }
        int[][] many = {{0, 3}, {1, 4}, {200, 270}};
        for (Cache cache : CACHES) {
            OperationCheck.check(
                    setting,
                    27,
                    (ops, rnd) -> paged(cache, 16, 0, many, new Heads(3, 1, 12), ops, rnd));
        }
    }

    /** More keys than are processed at once. */
    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void longAttention(Setting setting) {
        for (ComputeType compute : COMPUTE) {
            OperationCheck.check(
                    setting,
                    22,
                    (ops, rnd) -> attention(1, 3, 1030, new Heads(2, 1, 8), compute, ops, rnd));
        }
    }

    static Trial attention(
            int segments,
            int queryLength,
            int keyLength,
            Heads h,
            ComputeType compute,
            Operands operands,
            RandomGenerator random) {
        int kvCols = h.kvHeads * h.headDim;
        Matrix q = scaled(operands.random((long) segments * queryLength, h.cols(), random));
        Matrix k = operands.random((long) segments * keyLength, kvCols, random);
        Matrix v = operands.random((long) segments * keyLength, kvCols, random);
        double scale = 1 / Math.sqrt(h.headDim);
        double[][] expected = new double[segments * queryLength][h.cols()];
        double[][] tolerance = new double[segments * queryLength][h.cols()];
        for (int r = 0; r < expected.length; r++) {
            long firstKey = (long) r / queryLength * keyLength;
            for (int head = 0; head < h.heads; head++) {
                long kvCol = (long) h.kvHead(head) * h.headDim;
                AttentionOracle.attend(
                        vector(q, r, head, h.headDim),
                        0,
                        keyLength,
                        compute,
                        (t, i) -> k.get(firstKey + t, kvCol + i),
                        (t, i) -> v.get(firstKey + t, kvCol + i),
                        scale,
                        expected[r],
                        tolerance[r],
                        head * h.headDim);
            }
        }
        long ldo = h.cols() + 3;
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new Attention(
                                q.address(first * queryLength),
                                q.ld(),
                                k.address(first * keyLength),
                                k.ld(),
                                v.address(first * keyLength),
                                v.ld(),
                                out,
                                ldo,
                                count,
                                rowCount,
                                queryLength,
                                keyLength,
                                h.heads,
                                h.kvHeads,
                                h.headDim,
                                scale,
                                compute);
        return new Trial(
                "Attention %s segments %d queries %d keys %d %s"
                        .formatted(compute, segments, queryLength, keyLength, h),
                segments,
                queryLength,
                h.cols(),
                ldo,
                call,
                (r, c) -> expected[(int) r][(int) c],
                (r, c) -> tolerance[(int) r][(int) c],
                List.of());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void pagedAttention(Setting setting) {
        // Slots of each sequence before and after the rows of this call.
        int[][][] batches = {
            {{0, 1}}, {{4, 5}, {0, 3}}, {{15, 17}, {31, 32}, {7, 11}}, {{0, 37}}, {{140, 150}}
        };
        for (Cache cache : CACHES) {
            for (int b = 0; b < batches.length; b++) {
                for (Heads heads : HEADS) {
                    int[][] batch = batches[b];
                    int pageTokens = List.of(16, 4, 8, 48, 80).get(b);
                    OperationCheck.check(
                            setting,
                            21,
                            (ops, rnd) -> paged(cache, pageTokens, 0, batch, heads, ops, rnd));
                }
            }
        }
    }

    /** Contexts of several ranges of keys, with few rows and with many. */
    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void longPagedAttention(Setting setting) {
        int[][][] batches = {{{1290, 1291}}, {{1000, 1001}, {20, 21}, {510, 514}}, {{505, 545}}};
        for (Cache cache : CACHES) {
            for (int[][] batch : batches) {
                OperationCheck.check(
                        setting,
                        23,
                        (ops, rnd) -> paged(cache, 64, 0, batch, new Heads(4, 2, 10), ops, rnd));
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void slidingWindow(Setting setting) {
        int[][][] batches = {{{60, 75}}, {{520, 524}, {3, 5}}, {{1100, 1101}}};
        for (Cache cache : CACHES) {
            for (int[][] batch : batches) {
                for (int window : new int[] {1, 6, 33, 600}) {
                    OperationCheck.check(
                            setting,
                            24,
                            (ops, rnd) ->
                                    paged(cache, 32, window, batch, new Heads(2, 1, 5), ops, rnd));
                }
            }
        }
    }

    static final List<ComputeType> COMPUTE = List.of(ComputeType.F32, ComputeType.BF16);

    record Cache(DType type, ComputeType compute) {}

    private static final List<Cache> CACHES =
            List.of(
                    new Cache(DType.F32, ComputeType.F32),
                    new Cache(DType.F16, ComputeType.F32),
                    new Cache(DType.BF16, ComputeType.F32),
                    new Cache(DType.BF16, ComputeType.BF16),
                    new Cache(DType.Q8, ComputeType.F32),
                    new Cache(DType.Q8, ComputeType.BF16));

    static Trial paged(
            Cache form,
            int pageTokens,
            int window,
            int[][] batch,
            Heads h,
            Operands operands,
            RandomGenerator random) {
        DType type = form.type;
        int[] lengths = List.of(batch).stream().mapToInt(span -> span[1]).toArray();
        PagedCache cache =
                new PagedCache(operands, type, pageTokens, h.kvHeads, h.headDim, lengths);
        int rows = List.of(batch).stream().mapToInt(span -> span[1] - span[0]).sum();
        Matrix q = scaled(operands.random(rows, h.cols(), random));
        double scale = 1 / Math.sqrt(h.headDim);
        int[] sequence = new int[rows];
        int[] slot = new int[rows];
        double[][] expected = new double[rows][h.cols()];
        double[][] tolerance = new double[rows][h.cols()];
        int r = 0;
        for (int s = 0; s < batch.length; s++) {
            float[][][] keys = fill(cache, true, s, lengths[s], random);
            float[][][] values = fill(cache, false, s, lengths[s], random);
            for (int t = batch[s][0]; t < batch[s][1]; t++, r++) {
                sequence[r] = s;
                slot[r] = t;
                for (int head = 0; head < h.heads; head++) {
                    float[][] headKeys = keys[h.kvHead(head)];
                    float[][] headValues = values[h.kvHead(head)];
                    AttentionOracle.attend(
                            vector(q, r, head, h.headDim),
                            window == 0 ? 0 : Math.max(0, t + 1 - window),
                            t + 1,
                            form.compute,
                            (key, i) -> headKeys[(int) key][(int) i],
                            (key, i) -> headValues[(int) key][(int) i],
                            scale,
                            expected[r],
                            tolerance[r],
                            head * h.headDim);
                }
            }
        }
        long sequenceAt = operands.ints(sequence).address();
        long slotAt = operands.ints(slot).address();
        long ldo = h.cols() + 1;
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new PagedAttention(
                                q.address(first),
                                q.ld(),
                                sequenceAt + first * 4,
                                slotAt + first * 4,
                                cache.tableAddress(),
                                cache.maxPages,
                                pageTokens,
                                cache.kOffset,
                                cache.vOffset,
                                type,
                                out,
                                ldo,
                                count,
                                rowCount,
                                h.heads,
                                h.kvHeads,
                                h.headDim,
                                scale,
                                window,
                                form.compute);
        return new Trial(
                "PagedAttention %s slots %s of pages of %d, window %d, %s"
                        .formatted(form, Arrays.deepToString(batch), pageTokens, window, h),
                rows,
                1,
                h.cols(),
                ldo,
                call,
                (row, c) -> expected[(int) row][(int) c],
                (row, c) -> tolerance[(int) row][(int) c],
                List.of());
    }

    /** Random keys or values of one sequence, by head, slot and element. */
    private static float[][][] fill(
            PagedCache cache, boolean keys, int sequence, int length, RandomGenerator random) {
        float[][][] stored = new float[cache.kvHeads][length][];
        for (int h = 0; h < cache.kvHeads; h++) {
            for (int t = 0; t < length; t++) {
                float[] row = new float[cache.headDim];
                for (int i = 0; i < cache.headDim; i++) {
                    row[i] = (float) random.nextGaussian();
                }
                stored[h][t] = cache.store(keys, sequence, t, h, row);
            }
        }
        return stored;
    }

    private static float[] vector(Matrix q, long row, int head, int headDim) {
        float[] v = new float[headDim];
        for (int i = 0; i < headDim; i++) {
            v[i] = q.get(row, (long) head * headDim + i);
        }
        return v;
    }

    /** Makes every second row large, so that its softmax is all but a choice of one key. */
    private static Matrix scaled(Matrix q) {
        for (long r = 1; r < q.rows(); r += 2) {
            for (long c = 0; c < q.cols(); c++) {
                q.set(r, c, 20 * q.get(r, c));
            }
        }
        return q;
    }
}
