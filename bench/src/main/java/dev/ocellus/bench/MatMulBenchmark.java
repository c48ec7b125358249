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

import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** Matrix products with packed weights: one row (decoding, GEMV) and many (prefill, GEMM). */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class MatMulBenchmark {
    /** Bytes of weights that one round visits: far more than the last level cache. */
    private static final long ROUND_BYTES = 512L << 20;

    /** Rows, outputs and inputs: decoding of one and of several sequences, prefill, a tower. */
    @Param({
        "1x2048x2048",
        "1x8192x2048",
        "1x2048x8192",
        "1x576x576",
        "1x49152x576",
        "2x2048x2048",
        "4x2048x2048",
        "8x2048x2048",
        "256x1024x1024",
        "512x2048x2048",
        "1025x4096x1024",
        "1025x1024x4096"
    })
    public String shape;

    @Param({"F32", "F16", "BF16", "Q8", "Q4"})
    public DType weights;

    @Param({"F32", "BF16", "INT8"})
    public ComputeType compute;

    @Param({"1"})
    public int threads;

    private KernelState state;

    static boolean sensible(DType weights, ComputeType compute) {
        return switch (compute) {
            case F32 -> !weights.isBlock();
            case BF16 -> weights == DType.BF16;
            case INT8, F16 -> weights.isBlock() && compute == ComputeType.ofBlocks(weights);
        };
    }

    private static int[] sizes(String shape) {
        return Arrays.stream(shape.split("x")).mapToInt(Integer::parseInt).toArray();
    }

    static Work work(String shape, DType weights) {
        int[] sizes = sizes(shape);
        int rows = sizes[0];
        int n = sizes[1];
        int k = sizes[2];
        return new Work(
                2.0 * rows * n * k, (double) Panels.bytes(weights, n, k) + 4.0 * rows * (n + k));
    }

    @Setup(Level.Trial)
    public void setUp() {
        if (!sensible(weights, compute)) {
            throw new IllegalArgumentException(
                    "no products of compute type " + compute + " with " + weights + " weights");
        }
        int[] sizes = sizes(shape);
        int rows = sizes[0];
        int n = sizes[1];
        int k = sizes[2];
        state = new KernelState(threads);
        long x = state.floats((long) rows * k);
        long out = state.floats((long) rows * n);
        long bytes = Panels.bytes(weights, n, k);
        long copies = rows > 16 ? 2 : Math.max(2, ROUND_BYTES / bytes);
        for (long i = 0; i < copies; i++) {
            // The bits of small bfloat16 are some block of integers with some finite scale, too.
            long w = weights == DType.F32 ? state.floats(bytes / 4) : state.halves(bytes / 2);
            state.add(
                    new KernelCall.MatMul(
                            x,
                            k,
                            w,
                            weights,
                            0,
                            0,
                            0,
                            0,
                            out,
                            n,
                            rows,
                            0,
                            n,
                            k,
                            compute,
                            Activation.NONE,
                            0));
        }
    }

    @Benchmark
    public void matMul() {
        state.run();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        state.close();
    }
}
