package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.ocellus.kernels.cuda.GpuMemory;
import dev.ocellus.kernels.nativelib.NativeProvider;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * The bits of a row don't depend on its company, at sizes where the ways through the kernels
 * differ: several blocks of tiles, sums that are interrupted, keys of several blocks and pages.
 */
class RowIndependenceTest {
    private static final long ROWS = 203;
    private static final long[] COUNTS = {1, 2, 5, 12, 13, 97, 150};

    /** Kernels in Java take their time, in particular before they are compiled. */
    private static boolean isJava(KernelProvider provider) {
        return !(provider instanceof NativeProvider);
    }

    /** Those with weights of plain types. */
    static Stream<Arguments> plainProducts() {
        return products().filter(a -> !((DType) a.get()[1]).isBlock());
    }

    static Stream<Arguments> products() {
        return KernelProviders.available().stream()
                .flatMap(
                        p ->
                                Stream.of(
                                        Arguments.of(p, DType.F32, ComputeType.F32, 0),
                                        Arguments.of(p, DType.F16, ComputeType.F32, 0),
                                        Arguments.of(p, DType.BF16, ComputeType.F32, 1),
                                        Arguments.of(p, DType.BF16, ComputeType.BF16, 0),
                                        Arguments.of(p, DType.Q8, ComputeType.INT8, 1),
                                        Arguments.of(p, DType.Q4, ComputeType.INT8, 0)));
    }

    @ParameterizedTest
    @MethodSource("products")
    void product(KernelProvider provider, DType type, ComputeType compute, long gated) {
        long n = 70;
        long k = type == DType.F32 ? 1300 : 2301;
        try (Arena arena = OperationCheck.arena(provider)) {
            MemorySegment x = floats(arena, ROWS * k, 1);
            MemorySegment w = weights(arena, type, (1 + gated) * Panels.count(n) * Panels.ROWS, k);
            MemorySegment count = arena.allocate(JAVA_LONG);
            MemorySegment all = arena.allocate(ROWS * n * 4, 64);
            MemorySegment some = arena.allocate(ROWS * n * 4, 64);
            for (long rows : COUNTS) {
                long first = ROWS - rows;
                run(
                        provider,
                        arena,
                        new KernelCall.MatMul(
                                x.address(),
                                k,
                                w.address(),
                                type,
                                0,
                                0,
                                0,
                                0,
                                all.address(),
                                n,
                                ROWS,
                                0,
                                n,
                                k,
                                compute,
                                Activation.SILU,
                                gated));
                count.set(JAVA_LONG, 0, rows);
                run(
                        provider,
                        arena,
                        new KernelCall.MatMul(
                                x.address() + first * k * 4,
                                k,
                                w.address(),
                                type,
                                0,
                                0,
                                0,
                                0,
                                some.address(),
                                n,
                                ROWS,
                                count.address(),
                                n,
                                k,
                                compute,
                                Activation.SILU,
                                gated));
                assertSameBits(all.asSlice(first * n * 4), some, rows * n);
            }
        }
    }

    /** The pixels of three images fill more than one strip, those of one don't. */
    @ParameterizedTest
    @MethodSource("plainProducts")
    void convolution(KernelProvider provider, DType type, ComputeType compute, long gated) {
        long side = isJava(provider) ? 13 : 27;
        long inCols = isJava(provider) ? 34 : 130;
        long n = 70;
        long images = 3;
        long area = side * side;
        try (Arena arena = OperationCheck.arena(provider)) {
            MemorySegment x = floats(arena, images * area * inCols, 1);
            MemorySegment w = weights(arena, type, Panels.count(n) * Panels.ROWS, 9 * inCols);
            MemorySegment all = arena.allocate(images * area * n * 4, 64);
            MemorySegment one = arena.allocate(area * n * 4, 64);
            for (long first = -1; first < images; first++) {
                long from = Math.max(first, 0);
                run(
                        provider,
                        arena,
                        new KernelCall.Conv2d(
                                x.address() + from * area * inCols * 4,
                                inCols,
                                w.address(),
                                type,
                                0,
                                0,
                                0,
                                first < 0 ? all.address() : one.address(),
                                n,
                                first < 0 ? images : 1,
                                0,
                                side,
                                side,
                                inCols,
                                side,
                                side,
                                n,
                                3,
                                3,
                                1,
                                1,
                                1,
                                1,
                                compute,
                                Activation.SILU));
                if (first >= 0) {
                    assertSameBits(all.asSlice(first * area * n * 4), one, area * n);
                }
            }
        }
    }

    static Stream<Arguments> caches() {
        return KernelProviders.available().stream()
                .flatMap(
                        p ->
                                Stream.of(
                                        Arguments.of(p, DType.F32, ComputeType.F32),
                                        Arguments.of(p, DType.F16, ComputeType.F32),
                                        Arguments.of(p, DType.BF16, ComputeType.F32),
                                        Arguments.of(p, DType.BF16, ComputeType.BF16),
                                        Arguments.of(p, DType.Q8, ComputeType.BF16)));
    }

    /**
     * One sequence is prefilled at once and decoded row by row: with all key/value heads in one
     * unit or each in its own, ranges of keys merged in one unit or apart.
     */
    @ParameterizedTest
    @MethodSource("caches")
    void pagedAttention(KernelProvider provider, DType type, ComputeType compute) {
        for (long window : new long[] {0, 70}) {
            pagedAttention(provider, type, compute, 203, 6, 2, window);
        }
        pagedAttention(provider, type, compute, 1100, 2, 1, 0);
        pagedAttention(provider, type, compute, isJava(provider) ? 130 : 600, 33, 33, 0);
    }

    private static void pagedAttention(
            KernelProvider provider,
            DType type,
            ComputeType compute,
            long rows,
            long heads,
            long kvHeads,
            long window) {
        long headDim = 20;
        long pageTokens = 48;
        long maxPages = (rows + pageTokens - 1) / pageTokens;
        long keys = kvHeads * KvPanels.keyBytes(type, pageTokens, headDim);
        long page = keys + kvHeads * KvPanels.valueBytes(type, pageTokens, headDim);
        try (Arena arena = OperationCheck.arena(provider)) {
            MemorySegment cache =
                    type == DType.Q8
                            ? smallBytes(arena, maxPages * page)
                            : weights(arena, type, maxPages, page / type.byteSize());
            MemorySegment pages = arena.allocate(JAVA_LONG, maxPages);
            for (long i = 0; i < maxPages; i++) {
                pages.setAtIndex(JAVA_LONG, i, cache.address() + (maxPages - 1 - i) * page);
            }
            MemorySegment sequence = arena.allocate(JAVA_INT, rows);
            MemorySegment slot = arena.allocate(JAVA_INT, rows);
            for (int r = 0; r < rows; r++) {
                slot.setAtIndex(JAVA_INT, r, r);
            }
            long width = heads * headDim;
            MemorySegment q = floats(arena, rows * width, 3);
            MemorySegment all = arena.allocate(rows * width * 4, 64);
            MemorySegment some = arena.allocate(2 * width * 4, 64);
            record Span(long first, long count, MemorySegment out) {}
            List<Span> spans = new ArrayList<>();
            spans.add(new Span(0, rows, all));
            LongStream.of(0, 1, 47, 48, 63, 64, 100, 128, 202, 511, 512, 598, 1024, 1098)
                    .filter(r -> r < rows - 1)
                    .forEach(r -> spans.add(new Span(r, 1 + r % 2, some)));
            for (Span s : spans) {
                run(
                        provider,
                        arena,
                        new KernelCall.PagedAttention(
                                q.address() + s.first * width * 4,
                                width,
                                sequence.address(),
                                slot.address() + s.first * 4,
                                pages.address(),
                                maxPages,
                                pageTokens,
                                0,
                                keys,
                                type,
                                s.out.address(),
                                width,
                                s.count,
                                0,
                                heads,
                                kvHeads,
                                headDim,
                                0.3,
                                window,
                                compute));
                assertSameBits(all.asSlice(s.first * width * 4), s.out, s.count * width);
            }
        }
    }

    private static void run(KernelProvider provider, Arena arena, KernelCall call) {
        long bytes = provider.scratchBytes(call);
        long scratch = bytes == 0 ? 0 : arena.allocate(bytes, GpuMemory.ALIGNMENT).address();
        for (Launch launch : provider.bind(call, scratch, arena)) {
            launch.run(0, launch.units());
        }
    }

    private static MemorySegment floats(Arena arena, long n, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        MemorySegment values = arena.allocate(n * 4, 64);
        for (long i = 0; i < n; i++) {
            values.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
        }
        return values;
    }

    /** Any numbers serve as panels, as nothing is compared with a formula here. */
    private static MemorySegment weights(Arena arena, DType type, long n, long k) {
        long elements = n * (k + 1);
        if (type == DType.F32) {
            return floats(arena, elements, 2);
        }
        SplittableRandom random = new SplittableRandom(2);
        if (type.isBlock()) {
            return blocks(arena, type, n, k, random);
        }
        MemorySegment values = arena.allocate(elements * 2, 64);
        for (long i = 0; i < elements; i++) {
            float value = (float) random.nextDouble(-1, 1);
            short bits =
                    type == DType.F16
                            ? Float.floatToFloat16(value)
                            : (short) (Float.floatToIntBits(value) >> 16);
            values.setAtIndex(JAVA_SHORT, i, bits);
        }
        return values;
    }

    /** Of which any two are a small float16. */
    private static MemorySegment smallBytes(Arena arena, long n) {
        SplittableRandom random = new SplittableRandom(4);
        MemorySegment bytes = arena.allocate(n, 64);
        for (long i = 0; i < n; i++) {
            bytes.set(JAVA_BYTE, i, (byte) random.nextInt(0x20, 0x30));
        }
        return bytes;
    }

    private static MemorySegment blocks(
            Arena arena, DType type, long n, long k, SplittableRandom random) {
        MemorySegment panels = arena.allocate(Panels.bytes(type, n, k), 64);
        for (long i = 0; i < panels.byteSize(); i++) {
            panels.set(JAVA_BYTE, i, (byte) random.nextInt(1, 256));
        }
        for (long row = 0; row < n; row++) {
            for (long column = 0; column < k; column += DType.BLOCK_ELEMENTS) {
                short scale = Float.floatToFloat16((float) random.nextDouble(-1, 1));
                panels.set(JAVA_SHORT, Panels.scaleOffset(type, row, column, k), scale);
            }
        }
        return panels;
    }

    private static void assertSameBits(MemorySegment expected, MemorySegment actual, long floats) {
        assertThat(expected.asSlice(0, floats * 4).mismatch(actual.asSlice(0, floats * 4)))
                .as("first byte that differs, of %d floats", floats)
                .isEqualTo(-1);
        boolean finite = true;
        for (long i = 0; i < floats; i++) {
            finite &= Float.isFinite(actual.getAtIndex(JAVA_FLOAT, i));
        }
        assertThat(finite).isTrue();
    }
}
