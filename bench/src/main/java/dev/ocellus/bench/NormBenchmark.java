package dev.ocellus.bench;

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

/** Root mean square and layer normalisation of rows. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class NormBenchmark {
    @Param({"512"})
    public int rows;

    @Param({"2048"})
    public int cols;

    @Param({"1"})
    public int threads;

    private KernelState rms;
    private KernelState layer;

    static Work work(int rows, int cols) {
        return new Work(5.0 * rows * cols, 8.0 * rows * cols);
    }

    @Setup(Level.Trial)
    public void setUp() {
        rms = new KernelState(threads);
        long x = rms.floats((long) rows * cols);
        long out = rms.floats((long) rows * cols);
        long w = rms.floats(cols);
        rms.add(new KernelCall.RmsNorm(x, cols, w, out, cols, rows, 0, 1, cols, 1e-6));
        layer = new KernelState(threads);
        layer.add(new KernelCall.LayerNorm(x, cols, w, w, out, cols, rows, 0, cols, 1e-6));
    }

    @Benchmark
    public void rmsNorm() {
        rms.run();
    }

    @Benchmark
    public void layerNorm() {
        layer.run();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        layer.close();
        rms.close();
    }
}
