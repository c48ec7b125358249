package dev.ocellus.kernels;

import dev.ocellus.kernels.AttentionOperationTest.Cache;
import dev.ocellus.kernels.AttentionOperationTest.Heads;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.kernels.cuda.CudaProvider;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.stream.Stream;

/**
 * Attention of many queries on GPUs of compute capability 9.0, with each head size for which there
 * is a kernel, and sizes that are no multiple of anything.
 */
class HopperAttentionOperationTest {
    private static final CudaProvider PROVIDER = CudaProvider.withHopper();
    private static final List<Cache> CACHES =
            List.of(new Cache(DType.BF16, ComputeType.BF16), new Cache(DType.Q8, ComputeType.BF16));

    static Stream<Setting> settings() {
        return Stream.of(Placement.values()).map(place -> new Setting(PROVIDER, place));
    }

    record Segments(int segments, int queryLength, int keyLength, Heads heads) {}

    @ParameterizedTest(name = "{0}")
    @MethodSource("settings")
    void segments(Setting setting) {
        List<Segments> sizes =
                List.of(
                        new Segments(2, 70, 130, new Heads(2, 2, 64)),
                        new Segments(1, 129, 257, new Heads(1, 1, 72)),
                        new Segments(2, 33, 5, new Heads(4, 2, 96)),
                        new Segments(1, 65, 128, new Heads(1, 1, 128)),
                        new Segments(1, 3, 70, new Heads(67, 1, 9)),
                        new Segments(1, 2, 40, new Heads(130, 1, 8)));
        for (Segments s : sizes) {
            OperationCheck.check(
                    setting,
                    31,
                    (ops, rnd) ->
                            AttentionOperationTest.attention(
                                    s.segments,
                                    s.queryLength,
                                    s.keyLength,
                                    s.heads,
                                    ComputeType.BF16,
                                    ops,
                                    rnd));
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("settings")
    void pages(Setting setting) {
        List<Heads> sizes =
                List.of(
                        new Heads(3, 1, 12),
                        new Heads(2, 1, 64),
                        new Heads(2, 2, 80),
                        new Heads(1, 1, 90),
                        new Heads(4, 2, 128));
        // Slots of each sequence before and after the rows of this call.
        int[][][] batches = {{{0, 70}}, {{0, 3}, {1, 4}, {200, 262}}, {{250, 322}}};
        for (Cache cache : CACHES) {
            for (int i = 0; i < sizes.size(); i++) {
                Heads heads = sizes.get(i);
                int[][] batch = batches[i % batches.length];
                for (int window : new int[] {0, 50}) {
                    OperationCheck.check(
                            setting,
                            32,
                            (ops, rnd) ->
                                    AttentionOperationTest.paged(
                                            cache, 16, window, batch, heads, ops, rnd));
                }
            }
        }
    }
}
