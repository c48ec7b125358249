package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches with one thread for each of a number of things, in blocks of one size. */
final class FlatLaunch {
    /** Of a block. */
    static final int THREADS = 256;

    /** Threads of a warp. */
    static final int WARP = 32;

    /** Columns that a thread takes, as {@code kernels/cuda/quad.cuh} does. */
    private static final long QUAD = 4;

    private final Gpu gpu;
    private final String family;

    FlatLaunch(Gpu gpu, String family) {
        this.gpu = gpu;
        this.family = family;
    }

    /** Threads for all quads of rows of {@code cols} columns. */
    static long quads(long rows, long cols) {
        return Math.multiplyExact(rows, quads(cols));
    }

    static long quads(long cols) {
        return ceilDiv(cols, QUAD);
    }

    static long ceilDiv(long a, long b) {
        return (a + b - 1) / b;
    }

    /** A kernel for {@code threads} threads. */
    GpuWork bind(String kernel, long threads, KernelCall call, long scratch, Arena arena) {
        return KernelLaunch.of(
                gpu.function(family, kernel),
                Grid.of(Math.max(1, ceilDiv(threads, THREADS))),
                THREADS,
                0,
                call,
                scratch,
                arena);
    }

    /** As {@link #bind}, where this is all that there is to do. */
    List<GpuWork> one(String kernel, long threads, KernelCall call, long scratch, Arena arena) {
        return List.of(bind(kernel, threads, call, scratch, arena));
    }
}
