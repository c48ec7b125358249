package dev.ocellus.bench;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Panels;
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

/** Convolution of one square image, its size kept by padding. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class Conv2dBenchmark {
    @Param({"64"})
    public int side;

    @Param({"320"})
    public int channels;

    @Param({"3"})
    public int kernel;

    @Param({"F32", "BF16"})
    public DType weights;

    @Param({"F32", "BF16"})
    public ComputeType compute;

    @Param({"1"})
    public int threads;

    private KernelState state;

    static Work work(int side, int channels, int kernel, DType weights) {
        long pixels = (long) side * side;
        long k = (long) kernel * kernel * channels;
        return new Work(
                2.0 * pixels * channels * k,
                (double) Panels.bytes(weights, channels, k) + 8.0 * pixels * channels);
    }

    @Setup(Level.Trial)
    public void setUp() {
        state = new KernelState(threads);
        long k = (long) kernel * kernel * channels;
        long pixels = (long) side * side;
        long bytes = Panels.bytes(weights, channels, k);
        state.add(
                new KernelCall.Conv2d(
                        state.floats(pixels * channels),
                        channels,
                        weights == DType.F32 ? state.floats(bytes / 4) : state.halves(bytes / 2),
                        weights,
                        0,
                        0,
                        0,
                        state.floats(pixels * channels),
                        channels,
                        1,
                        0,
                        side,
                        side,
                        channels,
                        side,
                        side,
                        channels,
                        kernel,
                        kernel,
                        1,
                        1,
                        kernel / 2,
                        kernel / 2,
                        compute,
                        Activation.NONE));
    }

    @Benchmark
    public void conv2d() {
        state.run();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        state.close();
    }
}
