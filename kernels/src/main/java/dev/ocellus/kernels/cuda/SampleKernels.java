package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Launches of {@code sample.cu}: choice of the next token. Immutable and thread-safe. */
final class SampleKernels {
    /** Tokens of a block of the kernels that read all. */
    private static final long CHUNK = 4096;

    private static final int CHUNK_THREADS = 256;

    /** Of a block of the kernels that choose, one for each row. */
    private static final int ROW_THREADS = 1024;

    /** Bytes of a row's distribution of distances from the best token. */
    private static final long DISTANCE_BYTES = 2 * 256 * Long.BYTES;

    private final Gpu gpu;

    SampleKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    long scratchBytes(KernelCall.Sample call) {
        long chunks = chunks(call);
        // The best token of each chunk; of each token its score, its weight, and an id.
        long row = DISTANCE_BYTES + chunks * Long.BYTES + chunks * CHUNK * 3 * Integer.BYTES;
        return Math.multiplyExact(call.rows(), row);
    }

    List<GpuWork> sample(KernelCall.Sample call, long scratch, Arena arena) {
        Grid parts = Grid.of(chunks(call), Math.max(1, call.rows()));
        Grid rows = Grid.of(Math.max(1, call.rows()));
        List<GpuWork> work = new ArrayList<>();
        work.add(launch("sample_scores", parts, CHUNK_THREADS, call, scratch, arena));
        work.add(launch("sample_weights", parts, CHUNK_THREADS, call, scratch, arena));
        work.add(launch("sample_token", rows, ROW_THREADS, call, scratch, arena));
        if (call.candidates() > 0) {
            work.add(launch("sample_candidates", rows, ROW_THREADS, call, scratch, arena));
        }
        return List.copyOf(work);
    }

    private GpuWork launch(
            String kernel,
            Grid grid,
            int threads,
            KernelCall.Sample call,
            long scratch,
            Arena arena) {
        GpuFunction function = gpu.function("sample", kernel);
        return KernelLaunch.of(function, grid, threads, 0, call, scratch, arena);
    }

    private static long chunks(KernelCall.Sample call) {
        return FlatLaunch.ceilDiv(call.vocabulary(), CHUNK);
    }
}
