package dev.ocellus.device;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.cuda.Blas;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuEvent;
import dev.ocellus.kernels.cuda.GpuStream;
import dev.ocellus.kernels.cuda.GpuWork;
import dev.ocellus.kernels.cuda.PinnedBuffer;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * What a GPU can do at most, measured: memory by copies inside it, each byte read and written;
 * arithmetic by square products of the library, as large as the time of one stays short, of random
 * numbers, since a GPU multiplies constants at higher clocks. Without a library arithmetic is not
 * measured.
 */
final class CudaCeilings implements AutoCloseable {
    private static final int TRIES = 5;

    /** Of the memory that is free, copies take this share at most. */
    private static final long COPY_SHARE = 16;

    private static final long COPY_BYTES = 512L << 20;
    private static final long PINNED_BYTES = 128L << 20;
    private static final long SMALLEST_PRODUCT = 256;
    private static final long LARGEST_PRODUCT = 8192;

    /** Of random operands, which are repeated as often as they are needed. */
    private static final int RANDOM_BYTES = 4 << 20;

    /** A product that takes as long is large enough. */
    private static final double PRODUCT_SECONDS = 1e-3;

    private final Gpu gpu;
    private final Blas blas;
    private final GpuStream stream;
    private final GpuEvent begin;
    private final GpuEvent end;

    private CudaCeilings(Gpu gpu, Blas blas) {
        this.gpu = gpu;
        this.blas = blas;
        stream = gpu.newStream();
        begin = gpu.newEvent();
        end = gpu.newEvent();
    }

    /**
     * Measures for some hundredths of a second.
     *
     * @param blas null for none
     */
    static Ceilings measure(Gpu gpu, Blas blas) {
        try (CudaCeilings c = new CudaCeilings(gpu, blas)) {
            return new Ceilings(
                    Ceilings.DEVICE,
                    gpu.info().name(),
                    c.copies() / 1e9,
                    c.products(Blas.Factors.F32, Float.BYTES) / 1e9,
                    c.products(Blas.Factors.BF16, Short.BYTES) / 1e9,
                    c.products(Blas.Factors.INT8, Byte.BYTES) / 1e9);
        }
    }

    private double copies() {
        long bytes = Math.min(COPY_BYTES, gpu.memory().free() / COPY_SHARE);
        try (Arena arena = Arena.ofShared()) {
            MemorySegment from = gpu.memory().allocate(bytes, arena);
            MemorySegment to = gpu.memory().allocate(bytes, arena);
            return 2 * bytes / seconds(s -> s.copy(to, from));
        }
    }

    private double products(Blas.Factors factors, long factorBytes) {
        double rate = 0;
        double seconds = 0;
        for (long n = SMALLEST_PRODUCT;
                blas != null && n <= LARGEST_PRODUCT && seconds < PRODUCT_SECONDS;
                n *= 2) {
            Blas.Product product =
                    new Blas.Product(factors, n, n, n, n, n, n, 0, 0, false, Activation.NONE);
            if (!blas.supports(product)) {
                return 0;
            }
            seconds = seconds(product, factorBytes * n * n);
            rate = 2.0 * n * n * n / seconds;
        }
        return rate;
    }

    private double seconds(Blas.Product product, long factorBytes) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment x = gpu.memory().allocate(factorBytes, arena);
            MemorySegment w = gpu.memory().allocate(factorBytes, arena);
            MemorySegment y =
                    gpu.memory().allocate(product.rows() * product.n() * Float.BYTES, arena);
            MemorySegment workspace = gpu.memory().allocate(blas.workspaceBytes(), arena);
            fillRandomly(x);
            fillRandomly(w);
            GpuWork work =
                    blas.bind(
                            product,
                            new Blas.Operands(
                                    x.address(),
                                    w.address(),
                                    0,
                                    y.address(),
                                    y.address(),
                                    0,
                                    0,
                                    workspace.address()),
                            arena);
            return seconds(work::enqueue);
        }
    }

    /** Random bfloat16 numbers around 1, which are some numbers as every other type, too. */
    private void fillRandomly(MemorySegment operand) {
        int bytes = (int) Math.min(RANDOM_BYTES, operand.byteSize());
        try (PinnedBuffer some = PinnedBuffer.allocate(gpu, bytes)) {
            SplittableRandom random = new SplittableRandom(1);
            for (int i = 0; i < bytes / Short.BYTES; i++) {
                int bits = Float.floatToRawIntBits((float) random.nextDouble(-1, 1));
                some.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
            }
            stream.copyIn(operand, some.segment());
            stream.synchronize();
        }
        for (long at = bytes; at < operand.byteSize(); at += bytes) {
            long n = Math.min(bytes, operand.byteSize() - at);
            stream.copy(operand.asSlice(at, n), operand.asSlice(0, n));
        }
    }

    /** Bytes a second of copies from pinned memory of the host. */
    static double copyIn(Gpu gpu) {
        try (CudaCeilings c = new CudaCeilings(gpu, null);
                Arena arena = Arena.ofShared()) {
            long bytes = Math.min(PINNED_BYTES, gpu.memory().free() / COPY_SHARE);
            MemorySegment to = gpu.memory().allocate(bytes, arena);
            try (PinnedBuffer from = PinnedBuffer.allocate(gpu, bytes)) {
                return bytes / c.seconds(s -> s.copyIn(to, from.segment()));
            }
        }
    }

    /** The shortest of some times on the GPU, after one that warms up. */
    private double seconds(Consumer<GpuStream> work) {
        double best = Double.POSITIVE_INFINITY;
        for (int i = -1; i < TRIES; i++) {
            stream.record(begin);
            work.accept(stream);
            stream.record(end);
            stream.synchronize();
            if (i >= 0) {
                best = Math.min(best, end.millisecondsSince(begin) * 1e-3);
            }
        }
        return best;
    }

    @Override
    public void close() {
        end.close();
        begin.close();
        stream.close();
    }
}
