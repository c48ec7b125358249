package dev.ocellus.bench;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.WorkerPool;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Kernel calls of one benchmark, bound to memory of their own. Several copies of the weights are
 * visited in turn, so that no cache holds what a model's next layer would have to fetch.
 */
public final class KernelState implements AutoCloseable {
    private final KernelProvider provider = KernelProviders.get();
    private final Arena arena = Arena.ofShared();
    private final WorkerPool pool;
    private final SplittableRandom random = new SplittableRandom(1);
    private final List<List<Launch>> calls = new ArrayList<>();
    private int next;

    public KernelState(int threads) {
        pool = new WorkerPool(threads);
    }

    /** Memory with small random float32 values. */
    public long floats(long count) {
        MemorySegment s = arena.allocate(count * 4, 64);
        for (long i = 0; i < count; i++) {
            s.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextDouble() - 0.5));
        }
        return s.address();
    }

    /** Memory of small random bfloat16 values: 16-bit patterns of floats between -0.5 and 0.5. */
    public long halves(long count) {
        MemorySegment s = arena.allocate(count * 2, 64);
        for (long i = 0; i < count; i++) {
            int bits = Float.floatToRawIntBits((float) (random.nextDouble() - 0.5));
            s.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >>> 16));
        }
        return s.address();
    }

    /** Memory of ascending int32 values from {@code first}, with {@code step} between them. */
    long ints(long count, int first, int step) {
        MemorySegment s = arena.allocate(count * 4, 64);
        for (int i = 0; i < count; i++) {
            s.setAtIndex(ValueLayout.JAVA_INT, i, first + i * step);
        }
        return s.address();
    }

    /** Memory of int32 values. */
    long intTable(int... values) {
        return arena.allocateFrom(ValueLayout.JAVA_INT, values).address();
    }

    /** Memory with random bytes. */
    long bytes(long count) {
        MemorySegment s = arena.allocate(count, 64);
        for (long i = 0; i < count; i++) {
            s.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
        }
        return s.address();
    }

    long longs(long... values) {
        return arena.allocateFrom(ValueLayout.JAVA_LONG, values).address();
    }

    public void add(KernelCall call) {
        long bytes = provider.scratchBytes(call);
        long scratch = bytes == 0 ? 0 : arena.allocate(bytes, 64).address();
        calls.add(provider.bind(call, scratch, arena));
    }

    /** Runs the next of the calls. */
    public void run() {
        pool.run(calls.get(next));
        next = (next + 1) % calls.size();
    }

    @Override
    public void close() {
        pool.close();
        arena.close();
    }
}
