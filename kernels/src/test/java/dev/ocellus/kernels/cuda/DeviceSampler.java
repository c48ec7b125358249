package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import org.junit.jupiter.api.Assumptions;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Chooses tokens on a GPU, for tests. For one thread. */
public final class DeviceSampler implements AutoCloseable {
    /** What outputs hold that were not written. */
    public static final int UNTOUCHED = 0x7f7f7f7f;

    private final Gpu gpu;
    private final GpuStream stream;
    private final SampleKernels kernels;

    /**
     * What came out.
     *
     * @param seen the bits of the tokens that occurred, null if there were none
     */
    public record Choice(int[] tokens, int[] candidates, float[] scores, int[] seen) {}

    /** Opens the GPU, or skips the calling test. */
    public DeviceSampler() {
        SoftGpu.require();
        Assumptions.assumeTrue(
                SampleKernels.class.getResource("sample.ptx") != null,
                "the CUDA kernels have not been compiled: run kernels/cuda/ptx.sh");
        gpu = Gpu.open(0);
        stream = gpu.newStream();
        kernels = new SampleKernels(gpu);
    }

    /**
     * The tokens of rows of logits of one length.
     *
     * @param seen a bit for each token of each row, or null
     * @param count rows that count, of those there are
     */
    public Choice choose(
            float[][] logits, List<SampleOptions> options, int[] seen, int candidates, long count) {
        int rows = logits.length;
        int vocabulary = logits[0].length;
        long ldl = vocabulary + 3;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment hostLogits = arena.allocate(JAVA_FLOAT, rows * ldl);
            MemorySegment hostOptions = arena.allocate(rows * SampleOptions.BYTES, 8);
            for (int r = 0; r < rows; r++) {
                MemorySegment.copy(
                        logits[r], 0, hostLogits, JAVA_FLOAT, r * ldl * Float.BYTES, vocabulary);
                options.get(r).write(hostOptions, r);
            }
            MemorySegment bits =
                    seen == null ? null : copyIn(arena.allocateFrom(JAVA_INT, seen), arena);
            MemorySegment tokens = output(rows, arena);
            MemorySegment ids = output((long) rows * candidates, arena);
            MemorySegment scores = output((long) rows * candidates, arena);
            SampleCall call =
                    new SampleCall(
                            copyIn(hostLogits, arena).address(),
                            ldl,
                            copyIn(hostOptions, arena).address(),
                            bits == null ? 0 : bits.address(),
                            tokens.address(),
                            candidates,
                            ids.address(),
                            scores.address(),
                            rows,
                            copyIn(arena.allocateFrom(JAVA_LONG, count), arena).address(),
                            vocabulary);
            MemorySegment scratch = gpu.memory().allocate(kernels.scratchBytes(call), arena);
            kernels.bind(call, scratch.address(), arena).forEach(work -> work.enqueue(stream));
            return new Choice(
                    copyOut(tokens, arena).toArray(JAVA_INT),
                    copyOut(ids, arena).toArray(JAVA_INT),
                    copyOut(scores, arena).toArray(JAVA_FLOAT),
                    bits == null ? null : copyOut(bits, arena).toArray(JAVA_INT));
        }
    }

    private MemorySegment copyIn(MemorySegment host, Arena arena) {
        MemorySegment device = gpu.memory().allocate(host.byteSize(), arena);
        stream.copyIn(device, host);
        stream.synchronize();
        return device;
    }

    private MemorySegment output(long words, Arena arena) {
        MemorySegment device = gpu.memory().allocate(words * Integer.BYTES, arena);
        if (words > 0) {
            stream.fill(device, (byte) UNTOUCHED);
        }
        return device;
    }

    private MemorySegment copyOut(MemorySegment device, Arena arena) {
        MemorySegment host = arena.allocate(device.byteSize(), 8);
        if (device.byteSize() > 0) {
            stream.copyOut(host, device);
            stream.synchronize();
        }
        return host;
    }

    @Override
    public void close() {
        stream.close();
        gpu.close();
    }
}
