package dev.ocellus.measure;

import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.Progress;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.nativelib.HugeMemory;
import dev.ocellus.loader.Checkpoint;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;

/**
 * How long a model takes to open, beside what no program can do without: reading its files, which
 * the system may have in memory or not, and taking as much fresh memory. Medians of interleaved
 * rounds; all with the same number of threads. The model must not be open, for its memory is needed
 * again.
 */
public final class OpeningBench {
    private static final long CHUNK_BYTES = 1 << 20;
    private static final long PAGE_BYTES = 4096;

    /**
     * Times in seconds.
     *
     * @param open the whole opening
     * @param packing of the weights, which is part of it
     * @param read reading the weight files into a small buffer
     * @param touch writing once to each page of fresh memory for the packed weights
     * @param readFresh reading the files into fresh memory of their size
     * @param fileBytes of the weight files' tensors
     * @param weightBytes of the packed weights
     */
    public record Report(
            double open,
            double packing,
            double read,
            double touch,
            double readFresh,
            long fileBytes,
            long weightBytes) {}

    private final Path folder;
    private final OpenOptions options;
    private final List<Path> files;
    private final long fileBytes;
    private long weightBytes;

    private OpeningBench(Path folder, OpenOptions options) {
        this.folder = folder;
        this.options = options;
        try (Checkpoint c = Checkpoint.open(folder)) {
            files = c.files();
            fileBytes = c.byteSize();
        }
    }

    /**
     * Measures, after a first round that doesn't count.
     *
     * @param progress hears of rounds; null for silence
     * @throws dev.ocellus.loader.CheckpointException if the folder holds no model that can be
     *     opened
     */
    public static Report run(Path folder, OpenOptions options, int rounds, Progress progress) {
        OpeningBench bench = new OpeningBench(folder, options);
        double[][] seconds = new double[5][rounds];
        try (WorkerPool pool = WorkerPool.ofDefaultSize()) {
            for (int round = -1; round < rounds; round++) {
                if (progress != null) {
                    progress.at("opening", round + 1L, rounds + 1L);
                }
                double[] one = bench.round(pool);
                for (int i = 0; round >= 0 && i < one.length; i++) {
                    seconds[i][round] = one[i];
                }
            }
        }
        return new Report(
                Medians.of(seconds[0]),
                Medians.of(seconds[1]),
                Medians.of(seconds[2]),
                Medians.of(seconds[3]),
                Medians.of(seconds[4]),
                bench.fileBytes,
                bench.weightBytes);
    }

    private double[] round(WorkerPool pool) {
        double[] seconds = new double[5];
        long start = System.nanoTime();
        try (Ocellus model = Ocellus.open(folder, options)) {
            seconds[0] = since(start);
            seconds[1] = model.model().packingSeconds();
            weightBytes = model.model().weights().bytes();
        }
        seconds[2] = read(pool, null);
        try (Arena arena = Arena.ofShared()) {
            start = System.nanoTime();
            MemorySegment fresh = HugeMemory.allocate(weightBytes, arena);
            pool.run(chunks(weightBytes, (at, n) -> touch(fresh, at, n)));
            seconds[3] = since(start);
        }
        try (Arena arena = Arena.ofShared()) {
            seconds[4] = read(pool, arena);
        }
        return seconds;
    }

    private static double since(long start) {
        return (System.nanoTime() - start) * 1e-9;
    }

    private static void touch(MemorySegment fresh, long at, long bytes) {
        for (long p = at; p < at + bytes; p += PAGE_BYTES) {
            fresh.set(ValueLayout.JAVA_BYTE, p, (byte) 1);
        }
    }

    /**
     * @param fresh owns the memory that the files are read into; null for a small buffer
     */
    private double read(WorkerPool pool, Arena fresh) {
        long start = System.nanoTime();
        for (Path file : files) {
            try (FileChannel in = FileChannel.open(file)) {
                long size = in.size();
                MemorySegment to = fresh == null ? null : HugeMemory.allocate(size, fresh);
                pool.run(
                        chunks(
                                size,
                                (at, n) -> {
                                    try (Arena own = Arena.ofConfined()) {
                                        MemorySegment place =
                                                to == null ? own.allocate(n) : to.asSlice(at, n);
                                        read(in, at, place.asByteBuffer());
                                    }
                                }));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return since(start);
    }

    private static void read(FileChannel in, long at, ByteBuffer to) {
        try {
            while (to.hasRemaining()) {
                if (in.read(to, at + to.position()) < 0) {
                    throw new EOFException("the file was cut while it was read");
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private interface Chunk {
        void run(long at, long bytes);
    }

    private static Launch chunks(long bytes, Chunk work) {
        return new Launch() {
            @Override
            public long units() {
                return Math.ceilDiv(bytes, CHUNK_BYTES);
            }

            @Override
            public void run(long begin, long end) {
                for (long i = begin; i < end; i++) {
                    long at = i * CHUNK_BYTES;
                    work.run(at, Math.min(CHUNK_BYTES, bytes - at));
                }
            }
        };
    }
}
