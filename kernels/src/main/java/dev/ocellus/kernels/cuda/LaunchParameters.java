package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import jcuda.Pointer;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The parameters of a stream's launches, as the driver is handed them: the argument structure, then
 * where the kernel says that it has begun, which outlives a fault. Made once for a stream, so that
 * a launch makes no objects; the driver copies them.
 */
final class LaunchParameters implements AutoCloseable {
    /** The most that a kernel takes. */
    private static final long MAX_BYTES = 4096;

    /** Marks of the array by which the driver is given packed parameters. */
    private static final long BUFFER_POINTER = 1;

    private static final long BUFFER_SIZE = 2;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment packed = arena.allocate(MAX_BYTES, Long.BYTES);
    private final MemorySegment size = arena.allocate(JAVA_LONG);
    private final Pointer array;
    private final PinnedBuffer begun;

    LaunchParameters(Gpu gpu) {
        begun = PinnedBuffer.allocate(gpu, Integer.BYTES);
        clear();
        array =
                Addresses.host(
                        arena.allocateFrom(
                                JAVA_LONG,
                                BUFFER_POINTER,
                                packed.address(),
                                BUFFER_SIZE,
                                size.address(),
                                0));
    }

    /** The null-terminated array of marks and pointers; until the next call. */
    Pointer of(KernelLaunch launch) {
        MemorySegment arguments = launch.arguments();
        long mark = arguments.byteSize();
        MemorySegment.copy(arguments, 0, packed, 0, mark);
        packed.set(JAVA_LONG, mark, begun.segment().address());
        packed.set(JAVA_LONG, mark + Long.BYTES, launch.function().number());
        size.set(JAVA_LONG, 0, mark + 2 * Long.BYTES);
        return array;
    }

    /** Number of the kernel that began last since {@link #clear}, or 0. */
    int lastBegun() {
        return begun.segment().get(JAVA_INT, 0);
    }

    void clear() {
        begun.segment().set(JAVA_INT, 0, 0);
    }

    @Override
    public void close() {
        begun.close();
        arena.close();
    }
}
