package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * A row of attention over the cache has the same bits in every version of the kernels: in a tile of
 * many rows, alone with its keys in parts, from pages that can be copied 16 bytes at a time and
 * from others. What lies in unused slots does not matter.
 */
class PagedAttentionKernelsTest {
    private static final CudaProvider PROVIDER = new CudaProvider();
    private static final CudaProvider HOPPER = CudaProvider.withHopper();
    private static final int TOKENS = 330;

    /** More ranges of keys than there are blocks for a row. */
    private static final int MANY_TOKENS = 1100;

    private static final int PAGE_TOKENS = 16;
    private static final int KV_HEADS = 2;
    private static final int GROUP = 3;

    /** Enough for a tile of several rows, and the last ones. */
    private static final int ROWS = 70;

    /** So many that a block takes several ranges of a row's keys. */
    private static final int FEW_ROWS = 8;

    static Stream<Arguments> shapes() {
        return Stream.of(
                Arguments.of(DType.BF16, ComputeType.BF16, 16, MANY_TOKENS),
                Arguments.of(DType.F32, ComputeType.F32, 8, MANY_TOKENS),
                Arguments.of(DType.BF16, ComputeType.BF16, 64, TOKENS),
                Arguments.of(DType.BF16, ComputeType.BF16, 72, TOKENS),
                Arguments.of(DType.BF16, ComputeType.BF16, 96, TOKENS),
                Arguments.of(DType.BF16, ComputeType.BF16, 128, TOKENS),
                Arguments.of(DType.Q8, ComputeType.BF16, 80, TOKENS),
                Arguments.of(DType.BF16, ComputeType.BF16, 136, TOKENS),
                Arguments.of(DType.F32, ComputeType.F32, 64, TOKENS),
                Arguments.of(DType.F32, ComputeType.F32, 100, TOKENS),
                Arguments.of(DType.F16, ComputeType.F32, 512, TOKENS),
                Arguments.of(DType.Q8, ComputeType.F32, 160, TOKENS));
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void rowsHaveTheSameBitsInEveryVersion(
            DType type, ComputeType compute, int headDim, int tokens) {
        // Where kernels are sanitized, and slow, a window keeps the work small.
        boolean slow = SoftGpu.isSanitized();
        int[] windows = slow ? new int[] {tokens / 6} : new int[] {0, tokens / 3};
        int rows = slow ? ROWS / 2 : ROWS;
        for (int window : windows) {
            try (Arena arena = PROVIDER.arena()) {
                Step step = new Step(PROVIDER, arena, type, compute, headDim, window, tokens);
                Cache aligned = step.cache(0);
                MemorySegment all = step.attend(aligned, tokens - rows, rows);
                assertFinite(all);
                assertThat(step.attend(step.cache(2), tokens - rows, rows).mismatch(all))
                        .as("pages at odd places")
                        .isEqualTo(-1);
                long bytes = step.width() * 4;
                MemorySegment few = step.attend(aligned, tokens - rows, FEW_ROWS);
                assertThat(few.mismatch(all.asSlice(0, FEW_ROWS * bytes)))
                        .as("several rows in parts, window %d", window)
                        .isEqualTo(-1);
                for (int row : new int[] {0, 21, rows - 1}) {
                    MemorySegment alone = step.attend(aligned, tokens - rows + row, 1);
                    assertThat(alone.mismatch(all.asSlice(row * bytes, bytes)))
                            .as("row %d alone, window %d", row, window)
                            .isEqualTo(-1);
                }
            }
        }
    }

    /** The version for compute capability 9.0 takes calls of many rows only. */
    @ParameterizedTest
    @ValueSource(ints = {64, 72, 96, 128})
    void manyRowsHaveTheSameBitsInAnyCompany(int headDim) {
        for (int window : new int[] {0, 100}) {
            try (Arena arena = HOPPER.arena()) {
                Step step =
                        new Step(
                                HOPPER,
                                arena,
                                DType.BF16,
                                ComputeType.BF16,
                                headDim,
                                window,
                                TOKENS);
                Cache cache = step.cache(0);
                int rows = TOKENS - 100;
                MemorySegment all = step.attend(cache, 100, rows);
                assertFinite(all);
                assertThat(step.attend(step.cache(2), 100, rows).mismatch(all))
                        .as("pages at odd places")
                        .isEqualTo(-1);
                long bytes = step.width() * 4;
                for (int first : new int[] {1, 50, rows - ROWS}) {
                    MemorySegment some = step.attend(cache, 100 + first, ROWS);
                    assertThat(some.mismatch(all.asSlice(first * bytes, ROWS * bytes)))
                            .as("rows from %d on, window %d", first, window)
                            .isEqualTo(-1);
                }
            }
        }
    }

    private record Cache(MemorySegment pages, long kOffset, long vOffset) {}

    /** Queries, keys and values of one sequence. */
    private record Step(
            CudaProvider provider,
            Arena arena,
            DType type,
            ComputeType compute,
            int headDim,
            int window,
            int tokens,
            MemorySegment q,
            MemorySegment k,
            MemorySegment v) {
        Step(
                CudaProvider provider,
                Arena arena,
                DType type,
                ComputeType compute,
                int headDim,
                int window,
                int tokens) {
            this(
                    provider,
                    arena,
                    type,
                    compute,
                    headDim,
                    window,
                    tokens,
                    floats(arena, (long) tokens * KV_HEADS * GROUP * headDim, 1),
                    floats(arena, (long) tokens * KV_HEADS * headDim, 2),
                    floats(arena, (long) tokens * KV_HEADS * headDim, 3));
        }

        int pages() {
            return Math.ceilDiv(tokens, PAGE_TOKENS) + 1;
        }

        long width() {
            return (long) KV_HEADS * GROUP * headDim;
        }

        /**
         * A cache whose every other byte is that of a NaN, with its pages {@code shift} elements
         * on.
         */
        Cache cache(int shift) {
            long matrix = KV_HEADS * PAGE_TOKENS * type.byteSize(headDim);
            long kOffset = shift * (type == DType.Q8 ? 2L : type.byteSize());
            long pageBytes = 2 * matrix + 64;
            MemorySegment memory = arena.allocate(pages() * pageBytes, 256);
            memory.fill((byte) 0xff);
            MemorySegment pages = arena.allocate(JAVA_LONG, pages());
            for (int i = 0; i < pages(); i++) {
                pages.setAtIndex(JAVA_LONG, i, memory.address() + (pages() - 1 - i) * pageBytes);
            }
            Cache cache = new Cache(pages, kOffset, kOffset + matrix);
            long cols = (long) KV_HEADS * headDim;
            KernelCall append =
                    new KernelCall.KvAppend(
                            k.address(),
                            cols,
                            v.address(),
                            cols,
                            ints(0, 0).address(),
                            ints(0, 1).address(),
                            pages.address(),
                            pages(),
                            PAGE_TOKENS,
                            cache.kOffset,
                            cache.vOffset,
                            type,
                            tokens,
                            0,
                            KV_HEADS,
                            headDim);
            bind(append).forEach(launch -> launch.run(0, launch.units()));
            return cache;
        }

        /** The result for {@code rows} tokens from {@code first} on. */
        MemorySegment attend(Cache cache, int first, int rows) {
            MemorySegment out = arena.allocate(rows * width() * 4, 64);
            runTwice(
                    new KernelCall.PagedAttention(
                            q.address() + first * width() * 4,
                            width(),
                            ints(0, 0).address(),
                            ints(first, 1).address(),
                            cache.pages.address(),
                            pages(),
                            PAGE_TOKENS,
                            cache.kOffset,
                            cache.vOffset,
                            type,
                            out.address(),
                            width(),
                            rows,
                            0,
                            KV_HEADS * GROUP,
                            KV_HEADS,
                            headDim,
                            1 / Math.sqrt(headDim),
                            window,
                            compute),
                    out);
            return out;
        }

        private MemorySegment ints(int first, int step) {
            MemorySegment ints = arena.allocate(JAVA_INT, tokens);
            for (int i = 0; i < tokens; i++) {
                ints.setAtIndex(JAVA_INT, i, first + i * step);
            }
            return ints;
        }

        /** Twice, as what a launch leaves behind must not matter to the next one. */
        private void runTwice(KernelCall call, MemorySegment out) {
            List<Launch> launches = bind(call);
            for (int i = 0; i < 2; i++) {
                out.fill((byte) 0xff);
                launches.forEach(launch -> launch.run(0, launch.units()));
            }
        }

        private List<Launch> bind(KernelCall call) {
            long bytes = provider.scratchBytes(call);
            long scratch = bytes == 0 ? 0 : arena.allocate(bytes, GpuMemory.ALIGNMENT).address();
            return provider.bind(call, scratch, arena);
        }
    }

    private static MemorySegment floats(Arena arena, long n, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        MemorySegment values = arena.allocate(n * 4, 64);
        for (long i = 0; i < n; i++) {
            values.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-2, 2));
        }
        return values;
    }

    private static void assertFinite(MemorySegment values) {
        boolean finite = true;
        for (float x : values.toArray(JAVA_FLOAT)) {
            finite &= Float.isFinite(x);
        }
        assertThat(finite).as("finite results").isTrue();
    }
}
