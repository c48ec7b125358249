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

/** The two passes of 8-bit resampling, with the filters that make four tiles of a wide photo. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ResizeBenchmark {
    @Param({"4000"})
    public int from;

    @Param({"1792"})
    public int to;

    @Param({"448"})
    public int rows;

    @Param({"1"})
    public int threads;

    private KernelState horizontal;
    private KernelState vertical;

    /** Inputs of one output: the bicubic filter reaches two outputs to each side. */
    private static int taps(int from, int to) {
        return (4 * Math.max(from, to) / to + 3 + 3) / 4 * 4;
    }

    /** A multiply-add for each tap and sample. */
    static Work rowsWork(int from, int to, int rows) {
        return new Work(2.0 * taps(from, to) * 3 * to * rows, 3.0 * rows * (from + to));
    }

    /** A tile of {@code rows} rows and columns. */
    static Work planesWork(int from, int to, int rows) {
        double samples = 3.0 * rows * rows;
        return new Work(2 * taps(from, to) * samples, samples * ((double) from / to + 4));
    }

    @Setup(Level.Trial)
    public void setUp() {
        int taps = taps(from, to);
        horizontal = new KernelState(threads);
        horizontal.add(
                new KernelCall.ResizeRows(
                        horizontal.bytes(3L * from * rows),
                        3L * from,
                        firsts(horizontal, to),
                        horizontal.ints((long) to * taps, 1 << 17, 1),
                        taps,
                        horizontal.bytes(3L * to * (rows + 3)),
                        12L * to,
                        rows,
                        0,
                        from,
                        to));
        vertical = new KernelState(threads);
        long quads = (long) rows * from / to / 4 + taps;
        vertical.add(
                new KernelCall.ResizePlanes(
                        vertical.bytes(12L * rows * quads),
                        12L * rows,
                        quads,
                        firsts(vertical, rows),
                        vertical.ints((long) rows * taps, 1 << 17, 1),
                        taps,
                        vertical.floats(3 * 256),
                        vertical.floats(3L * rows * rows),
                        rows,
                        (long) rows * rows,
                        rows,
                        0,
                        rows));
    }

    private long firsts(KernelState state, int outputs) {
        int last = from / 4 - taps(from, to) / 4;
        int[] first = new int[outputs];
        for (int i = 0; i < outputs; i++) {
            first[i] = 4 * Math.min(i * (from / 4) / to, last);
        }
        return state.intTable(first);
    }

    @Benchmark
    public void resizeRows() {
        horizontal.run();
    }

    @Benchmark
    public void resizePlanes() {
        vertical.run();
    }

    @TearDown(Level.Trial)
    public void tearDown() {
        vertical.close();
        horizontal.close();
    }
}
