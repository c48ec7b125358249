package dev.ocellus.bench;

import dev.ocellus.graph.CacheShape;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.tensor.DType;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

import java.util.concurrent.TimeUnit;

/** Causal attention over the paged cache: the last {@code rows} of {@code context} tokens. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class PagedAttentionBenchmark {
    private static final int PAGE_TOKENS = 64;
    private static final int COPIES = 8;

    @Param({"1", "64"})
    public int rows;

    @Param({"100", "1024", "8000"})
    public int context;

    @Param({"32"})
    public int heads;

    @Param({"8"})
    public int kvHeads;

    @Param({"64"})
    public int headDim;

    @Param({"F32", "BF16", "Q8"})
    public DType cache;

    @Param({"F32"})
    public ComputeType compute;

    @Param({"1"})
    public int threads;

    private KernelState state;

    /** Each row attends to itself and to all before it. */
    static Work work(int rows, int context, int heads, int kvHeads, int headDim, DType cache) {
        double pairs = (double) rows * context - (double) rows * (rows - 1) / 2;
        return new Work(
                4.0 * heads * headDim * pairs,
                2.0 * cache.byteSize(headDim) * context * kvHeads + 8.0 * rows * heads * headDim);
    }

    @Setup(Level.Trial)
    public void setUp() {
        state = new KernelState(threads);
        CacheShape shape = new CacheShape(1, kvHeads, headDim, PAGE_TOKENS, cache);
        long width = (long) heads * headDim;
        long q = state.floats(rows * width);
        long out = state.floats(rows * width);
        long sequence = state.ints(rows, 0, 0);
        long slot = state.ints(rows, context - rows, 1);
        for (int c = 0; c < COPIES; c++) {
            long[] pages = new long[(int) shape.pages(context)];
            for (int p = 0; p < pages.length; p++) {
                pages[p] =
                        cache == DType.F32
                                ? state.floats(shape.pageBytes() / 4)
                                : state.halves(shape.pageBytes() / 2);
            }
            state.add(
                    new KernelCall.PagedAttention(
                            q,
                            width,
                            sequence,
                            slot,
                            state.longs(pages),
                            pages.length,
                            PAGE_TOKENS,
                            shape.keyOffset(0),
                            shape.valueOffset(0),
                            cache,
                            out,
                            width,
                            rows,
                            0,
                            heads,
                            kvHeads,
                            headDim,
                            1 / Math.sqrt(headDim),
                            0,
                            compute));
        }
    }

    @Benchmark
    public void pagedAttention() {
        state.run();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        state.close();
    }
}
