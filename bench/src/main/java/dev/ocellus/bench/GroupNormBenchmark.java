package dev.ocellus.bench;

import dev.ocellus.kernels.Activation;
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

/** Group normalisation of an image in 32 groups, with SiLU. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class GroupNormBenchmark {
    @Param({"4096"})
    public int pixels;

    @Param({"320"})
    public int channels;

    @Param({"1"})
    public int threads;

    private KernelState state;

    static Work work(int pixels, int channels) {
        double elements = (double) pixels * channels;
        // A norm with a bias and SiLU; the image is read for its sums and again for its result.
        return new Work(11 * elements, 12 * elements);
    }

    @Setup(Level.Trial)
    public void setUp() {
        state = new KernelState(threads);
        state.add(
                new KernelCall.GroupNorm(
                        state.floats((long) pixels * channels),
                        channels,
                        state.floats(channels),
                        state.floats(channels),
                        state.floats((long) pixels * channels),
                        channels,
                        1,
                        0,
                        pixels,
                        channels,
                        32,
                        1e-5,
                        Activation.SILU));
    }

    @Benchmark
    public void groupNorm() {
        state.run();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        state.close();
    }
}
