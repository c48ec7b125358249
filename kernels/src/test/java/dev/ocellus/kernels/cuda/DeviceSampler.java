package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.SampleOptions;

import org.junit.jupiter.api.Assumptions;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Chooses tokens on a GPU, for tests. For one thread. */
public final class DeviceSampler implements AutoCloseable {
    /** What outputs hold that were not written. */
    public static final int UNTOUCHED = 0x7f7f7f7f;

    private final Gpu gpu;
    private final GpuStream stream;
    private final CudaKernels kernels;

    /**
     * A row of logits and what is chosen by.
     *
     * @param options its {@code seen} is replaced
     * @param seen bits of the tokens that occurred, or null
     * @param occurred a token that occurred beside, or -1
     */
    public record Row(float[] logits, SampleOptions options, long step, int[] seen, int occurred) {
        /** The bits as the call leaves them, or null. */
        int[] seenAfter() {
            if (seen == null) {
                return null;
            }
            int[] after = seen.clone();
            if (occurred >= 0) {
                after[occurred / 32] |= 1 << occurred % 32;
            }
            return after;
        }

        /** The options with the address of the row's bits. */
        private SampleOptions at(MemorySegment bits) {
            return new SampleOptions(
                    options.temperature(),
                    options.topK(),
                    options.topP(),
                    options.minP(),
                    options.repetitionPenalty(),
                    options.seed(),
                    bits == null ? 0 : bits.address());
        }
    }

    /**
     * What came out.
     *
     * @param seen the bits of each row, null where there were none
     */
    public record Choice(int[] tokens, int[] candidates, float[] scores, List<int[]> seen) {}

    /** Opens the GPU, or skips the calling test. */
    public DeviceSampler() {
        SoftGpu.require();
        Assumptions.assumeTrue(
                SampleKernels.class.getResource("sample.ptx") != null,
                "the CUDA kernels have not been compiled: run kernels/cuda/ptx.sh");
        gpu = Gpu.open(0);
        stream = gpu.newStream();
        kernels = new CudaKernels(gpu, null);
    }

    /**
     * The tokens of rows of logits of one length.
     *
     * @param count rows that count, of those there are
     */
    public Choice choose(List<Row> rows, int candidates, long count) {
        int vocabulary = rows.getFirst().logits().length;
        long ldl = vocabulary + 3;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment hostLogits = arena.allocate(JAVA_FLOAT, rows.size() * ldl);
            MemorySegment hostOptions = arena.allocate(rows.size() * SampleOptions.BYTES, 8);
            List<MemorySegment> bits = new ArrayList<>();
            for (int r = 0; r < rows.size(); r++) {
                Row row = rows.get(r);
                MemorySegment.copy(
                        row.logits(), 0, hostLogits, JAVA_FLOAT, r * ldl * Float.BYTES, vocabulary);
                bits.add(
                        row.seen() == null
                                ? null
                                : copyIn(arena.allocateFrom(JAVA_INT, row.seen()), arena));
                row.at(bits.getLast()).write(hostOptions, r, row.occurred(), row.step());
            }
            MemorySegment tokens = output(rows.size(), arena);
            MemorySegment ids = output((long) rows.size() * candidates, arena);
            MemorySegment scores = output((long) rows.size() * candidates, arena);
            KernelCall call =
                    new KernelCall.Sample(
                            copyIn(hostLogits, arena).address(),
                            ldl,
                            copyIn(hostOptions, arena).address(),
                            tokens.address(),
                            candidates,
                            ids.address(),
                            scores.address(),
                            rows.size(),
                            copyIn(arena.allocateFrom(JAVA_LONG, count), arena).address(),
                            vocabulary);
            MemorySegment scratch = gpu.memory().allocate(kernels.scratchBytes(call), arena);
            kernels.bind(call, scratch.address(), arena).forEach(work -> work.enqueue(stream));
            List<int[]> seen = new ArrayList<>();
            bits.forEach(b -> seen.add(b == null ? null : copyOut(b, arena).toArray(JAVA_INT)));
            return new Choice(
                    copyOut(tokens, arena).toArray(JAVA_INT),
                    copyOut(ids, arena).toArray(JAVA_INT),
                    copyOut(scores, arena).toArray(JAVA_FLOAT),
                    seen);
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
