package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** Kernels that do several calls write what those write one after the other, to the bit. */
class FusionKernelsTest {
    private static final CudaProvider PROVIDER = new CudaProvider();
    private static final int SEQUENCES = 2;
    private static final int PAGES = 3;

    /**
     * @param offset elements by which the activations are misaligned
     */
    record Heads(
            DType cache,
            boolean normed,
            int heads,
            int kvHeads,
            int headDim,
            int half,
            int pageTokens,
            int rows,
            int count,
            int offset) {}

    static Stream<Heads> heads() {
        SplittableRandom random = new SplittableRandom(7);
        List<Heads> all = new ArrayList<>();
        for (DType type : new DType[] {DType.F32, DType.F16, DType.BF16, DType.Q8}) {
            for (boolean normed : new boolean[] {false, true}) {
                all.add(new Heads(type, normed, 8, 2, 128, 64, 16, 1, 1, 0));
                for (int i = 0; i < 5; i++) {
                    int headDim = random.nextInt(1, 150);
                    int kvHeads = random.nextInt(1, 4);
                    int rows = random.nextInt(1, 7);
                    all.add(
                            new Heads(
                                    type,
                                    normed,
                                    kvHeads * random.nextInt(1, 4),
                                    kvHeads,
                                    headDim,
                                    random.nextInt(headDim / 2 + 1),
                                    4 << random.nextInt(3),
                                    rows,
                                    random.nextInt(rows + 1),
                                    random.nextInt(3)));
                }
            }
        }
        all.add(new Heads(DType.BF16, true, 1, 1, 512, 256, 8, 2, 2, 0));
        return all.stream();
    }

    @ParameterizedTest
    @MethodSource("heads")
    void headsAreRotatedAndAppendedTogether(Heads shape) {
        try (Arena arena = PROVIDER.arena()) {
            Append singly = new Append(arena, shape);
            PROVIDER.runSingly(singly.calls());
            Append together = new Append(arena, shape);
            assertThat(PROVIDER.runTogether(together.calls()))
                    .containsExactly("rope_append.rope_append");
            assertThat(together.activations.mismatch(singly.activations)).isEqualTo(-1);
            assertThat(together.cache.mismatch(singly.cache)).isEqualTo(-1);
            if (shape.count() > 0) {
                assertThat(new Append(arena, shape).cache.mismatch(singly.cache)).isNotEqualTo(-1);
            }
        }
    }

    /** Rows of q, k and v side by side, with gaps, and a cache. */
    private static final class Append {
        final Heads shape;
        final long ld;
        final MemorySegment activations;
        final MemorySegment cache;
        private final Arena arena;
        private final SplittableRandom random = new SplittableRandom(1);
        private final MemorySegment pages;
        private final MemorySegment sequences;
        private final MemorySegment slots;
        private final MemorySegment table;
        private final MemorySegment qWeight;
        private final MemorySegment kWeight;
        private final MemorySegment count;

        Append(Arena arena, Heads shape) {
            this.arena = arena;
            this.shape = shape;
            int width = (shape.heads() + 2 * shape.kvHeads()) * shape.headDim();
            ld = width + shape.offset();
            activations = floats(shape.offset() + shape.rows() * ld);
            table = floats(shape.rows() * 2L * shape.half());
            qWeight = floats(shape.headDim());
            kWeight = floats(shape.headDim());
            cache = arena.allocate(SEQUENCES * PAGES * pageBytes(), 64);
            cache.fill((byte) 0x5a);
            pages = arena.allocate(JAVA_LONG, SEQUENCES * PAGES);
            for (int i = 0; i < SEQUENCES * PAGES; i++) {
                pages.setAtIndex(JAVA_LONG, i, cache.address() + i * pageBytes());
            }
            sequences = arena.allocate(JAVA_INT, shape.rows());
            slots = arena.allocate(JAVA_INT, shape.rows());
            for (int i = 0; i < shape.rows(); i++) {
                sequences.setAtIndex(JAVA_INT, i, i % SEQUENCES);
                slots.setAtIndex(JAVA_INT, i, i / SEQUENCES + shape.pageTokens() - 1);
            }
            count = arena.allocate(JAVA_LONG);
            count.set(JAVA_LONG, 0, shape.count());
        }

        private MemorySegment floats(long n) {
            MemorySegment values = arena.allocate(n * 4, 64);
            for (long i = 0; i < n; i++) {
                values.setAtIndex(JAVA_FLOAT, i, (float) random.nextDouble(-2, 2));
            }
            return values;
        }

        private long sideBytes() {
            return shape.kvHeads() * shape.pageTokens() * shape.cache().byteSize(shape.headDim());
        }

        /** Keys begin an element into the page. */
        private long pageBytes() {
            return 2 * sideBytes() + 4;
        }

        private long column(int heads) {
            return activations.address() + (shape.offset() + heads * shape.headDim()) * 4L;
        }

        List<KernelCall> calls() {
            long q = column(0);
            long k = column(shape.heads());
            List<KernelCall> calls = new ArrayList<>();
            if (shape.normed()) {
                calls.add(norm(q, qWeight, shape.heads()));
                calls.add(norm(k, kWeight, shape.kvHeads()));
            }
            calls.add(rope(q, shape.heads()));
            calls.add(rope(k, shape.kvHeads()));
            long kOffset = shape.cache() == DType.F32 ? 4 : 2;
            calls.add(
                    new KernelCall.KvAppend(
                            k,
                            ld,
                            column(shape.heads() + shape.kvHeads()),
                            ld,
                            sequences.address(),
                            slots.address(),
                            pages.address(),
                            PAGES,
                            shape.pageTokens(),
                            kOffset,
                            kOffset + sideBytes(),
                            shape.cache(),
                            shape.rows(),
                            count.address(),
                            shape.kvHeads(),
                            shape.headDim()));
            return calls;
        }

        private KernelCall norm(long x, MemorySegment weight, int heads) {
            return new KernelCall.RmsNorm(
                    x,
                    ld,
                    weight.address(),
                    x,
                    ld,
                    shape.rows(),
                    count.address(),
                    heads,
                    shape.headDim(),
                    1e-6);
        }

        private KernelCall rope(long x, int heads) {
            return new KernelCall.Rope(
                    x,
                    ld,
                    table.address(),
                    x,
                    ld,
                    shape.rows(),
                    count.address(),
                    heads,
                    shape.headDim(),
                    shape.half());
        }
    }
}
