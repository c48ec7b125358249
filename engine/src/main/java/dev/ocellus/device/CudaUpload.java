package dev.ocellus.device;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuEvent;
import dev.ocellus.kernels.cuda.GpuMemory;
import dev.ocellus.kernels.cuda.GpuStream;
import dev.ocellus.kernels.cuda.PinnedBuffer;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Makes weights on the host's threads in two pinned buffers in turn: while one is copied to the
 * GPU, the next stretch is made in the other. For one thread, once.
 */
final class CudaUpload implements AutoCloseable {
    /** Most bytes of a buffer, but for a part that is larger. */
    private static final long BUFFER_BYTES = 32L << 20;

    /** Least number of stretches, so that small models report progress too. */
    private static final long STRETCHES = 8;

    /** A part and where it begins in the block. */
    record Piece(long offset, CudaLayout.Part part) {
        long end() {
            return offset + part.bytes();
        }
    }

    private final MemorySegment block;
    private final List<Piece> pieces;
    private final ReadAhead ahead;
    private final PackingThreads threads;
    private final long bufferBytes;
    private final GpuStream stream;
    private final PinnedBuffer[] buffers = new PinnedBuffer[2];
    private final GpuEvent[] copied = new GpuEvent[2];

    /**
     * @param block device memory that gets the pieces
     * @param pieces in ascending order
     * @param ahead of what the pieces are made
     */
    CudaUpload(
            Gpu gpu,
            KernelProvider provider,
            WorkerPool pool,
            MemorySegment block,
            List<Piece> pieces,
            ReadAhead ahead) {
        this.ahead = ahead;
        this.block = block;
        this.pieces = pieces;
        long largest = pieces.stream().mapToLong(p -> p.part().bytes()).max().orElse(0);
        long wanted = Math.min(BUFFER_BYTES, block.byteSize() / STRETCHES);
        bufferBytes = Math.max(largest, wanted) + GpuMemory.ALIGNMENT;
        threads = new PackingThreads(provider, pool);
        stream = gpu.newStream();
        try {
            for (int i = 0; i < buffers.length; i++) {
                buffers[i] = PinnedBuffer.allocate(gpu, bufferBytes);
                copied[i] = gpu.newEvent();
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Makes and copies everything, and waits for it. */
    void run(WeightStore.Listener listener) {
        long total = pieces.stream().mapToLong(p -> p.part().bytes()).sum();
        long done = 0;
        int buffer = 0;
        ahead.reached(0, total);
        try {
            for (int i = 0; i < pieces.size(); buffer = 1 - buffer) {
                int end = stretch(i);
                copied[buffer].synchronize();
                done += move(pieces.subList(i, end), buffer);
                ahead.reached(done, total);
                if (listener != null) {
                    listener.packed(done, total);
                }
                i = end;
            }
        } finally {
            // Also after a failure: copies must not outlive the buffers.
            stream.synchronize();
        }
    }

    /** The end of the pieces from {@code first} on that fit a buffer. */
    private int stretch(int first) {
        long base = base(pieces.get(first));
        int end = first + 1;
        while (end < pieces.size() && pieces.get(end).end() - base <= bufferBytes) {
            end++;
        }
        return end;
    }

    /** Pieces are aligned in a buffer as they are in the block. */
    private static long base(Piece first) {
        return first.offset() / GpuMemory.ALIGNMENT * GpuMemory.ALIGNMENT;
    }

    private long move(List<Piece> some, int buffer) {
        long base = base(some.getFirst());
        long from = some.getFirst().offset();
        long to = some.getLast().end();
        MemorySegment memory = buffers[buffer].segment();
        List<Consumer<PanelPacker>> work = new ArrayList<>();
        for (Piece p : some) {
            MemorySegment place = memory.asSlice(p.offset() - base, p.part().bytes());
            work.add(packer -> p.part().maker().make(packer, place));
        }
        threads.run(work);
        stream.copyIn(block.asSlice(from, to - from), memory.asSlice(from - base, to - from));
        stream.record(copied[buffer]);
        return some.stream().mapToLong(p -> p.part().bytes()).sum();
    }

    @Override
    public void close() {
        threads.close();
        for (int i = 0; i < buffers.length; i++) {
            if (copied[i] != null) {
                copied[i].close();
            }
            if (buffers[i] != null) {
                buffers[i].close();
            }
        }
        stream.close();
    }
}
