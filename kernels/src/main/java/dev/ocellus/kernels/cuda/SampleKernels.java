package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Launches of {@code sample.cu}: choice of the next token. Immutable and thread-safe. */
public final class SampleKernels {
    /** Tokens of a block of the kernels that read all. */
    private static final long CHUNK = 4096;

    private static final int CHUNK_THREADS = 256;

    /** Of a block of the kernels that choose, one for each row. */
    private static final int ROW_THREADS = 1024;

    /** Bytes of a row's distribution of distances from the best token. */
    private static final long DISTANCE_BYTES = 2 * 256 * Long.BYTES;

    private final Gpu gpu;

    public SampleKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    /** Bytes of device memory ({@value GpuMemory#ALIGNMENT}-byte aligned) that a call needs. */
    public long scratchBytes(SampleCall call) {
        long chunks = chunks(call);
        // The best token of each chunk; of each token its score, its weight, and an id.
        long row = DISTANCE_BYTES + chunks * Long.BYTES + chunks * CHUNK * 3 * Integer.BYTES;
        return Math.multiplyExact(call.rows(), row);
    }

    /**
     * Makes the call ready to run: the work is enqueued in order, on one stream.
     *
     * @param scratch device address of {@link #scratchBytes} bytes
     * @param arena keeps the argument structure; must live as long as the work is used
     */
    public List<GpuWork> bind(SampleCall call, long scratch, Arena arena) {
        MemorySegment arguments = arguments(call, scratch, arena);
        Grid parts = Grid.of(chunks(call), Math.max(1, call.rows()));
        Grid rows = Grid.of(Math.max(1, call.rows()));
        List<GpuWork> work = new ArrayList<>();
        work.add(launch("sample_scores", parts, CHUNK_THREADS, arguments));
        work.add(launch("sample_weights", parts, CHUNK_THREADS, arguments));
        work.add(launch("sample_token", rows, ROW_THREADS, arguments));
        if (call.candidates() > 0) {
            work.add(launch("sample_candidates", rows, ROW_THREADS, arguments));
        }
        return List.copyOf(work);
    }

    private GpuWork launch(String kernel, Grid grid, int threads, MemorySegment arguments) {
        GpuFunction function = gpu.function("sample", kernel);
        return KernelLaunch.of(function, grid, threads, 0, arguments);
    }

    private static long chunks(SampleCall call) {
        return FlatLaunch.ceilDiv(call.vocabulary(), CHUNK);
    }

    private static MemorySegment arguments(SampleCall call, long scratch, Arena arena) {
        return arena.allocateFrom(
                JAVA_LONG,
                call.logits(),
                call.ldl(),
                call.options(),
                call.seen(),
                call.tokens(),
                call.candidates(),
                call.candidateIds(),
                call.candidateScores(),
                call.rows(),
                call.rowCount(),
                call.vocabulary(),
                scratch);
    }
}
