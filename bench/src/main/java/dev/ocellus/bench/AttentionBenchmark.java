package dev.ocellus.bench;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;

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

/** Full attention of a vision tower: one image of {@code length} tokens. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class AttentionBenchmark {
    @Param({"1025"})
    public int length;

    @Param({"16"})
    public int heads;

    @Param({"64"})
    public int headDim;

    @Param({"F32", "BF16"})
    public ComputeType compute;

    @Param({"1"})
    public int threads;

    private KernelState state;

    static Work work(int length, int heads, int headDim) {
        double width = (double) heads * headDim;
        return new Work(4 * width * length * length, 4 * 4 * width * length);
    }

    @Setup(Level.Trial)
    public void setUp() {
        state = new KernelState(threads);
        long width = (long) heads * headDim;
        long q = state.floats(3 * width * length);
        long out = state.floats(width * length);
        state.add(
                new KernelCall.Attention(
                        q,
                        3 * width,
                        q + width * 4,
                        3 * width,
                        q + width * 8,
                        3 * width,
                        out,
                        width,
                        1,
                        0,
                        length,
                        length,
                        heads,
                        heads,
                        headDim,
                        1 / Math.sqrt(headDim),
                        compute));
    }

    @Benchmark
    public void attention() {
        state.run();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        state.close();
    }
}
