package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.nativelib.Arguments;

import jcuda.Pointer;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A kernel with its grid and its argument structure. Immutable and thread-safe. */
public final class KernelLaunch implements GpuWork {
    /** Marks of the array by which the driver is given a packed structure. */
    private static final long BUFFER_POINTER = 1;

    private static final long BUFFER_SIZE = 2;

    private final GpuFunction function;
    private final Grid grid;
    private final int threads;
    private final int sharedBytes;
    private final MemorySegment parameters;
    private final Pointer parameterPointer;

    /**
     * A launch with the argument structure of a call.
     *
     * @param threads of a block, in one direction
     * @param sharedBytes dynamic shared memory of a block
     * @param scratch device address of the call's scratch memory, or 0
     * @param arena keeps the structure; must live as long as the launch is used
     */
    public static KernelLaunch of(
            GpuFunction function,
            Grid grid,
            int threads,
            long sharedBytes,
            KernelCall call,
            long scratch,
            Arena arena) {
        MemorySegment arguments = Arguments.write(call, scratch, arena);
        return of(function, grid, threads, sharedBytes, arguments, arena);
    }

    /**
     * A launch with any argument structure.
     *
     * @param arguments the structure, of exactly the size of the kernel's parameter
     */
    public static KernelLaunch of(
            GpuFunction function,
            Grid grid,
            int threads,
            long sharedBytes,
            MemorySegment arguments,
            Arena arena) {
        return new KernelLaunch(
                function, grid, threads, Math.toIntExact(sharedBytes), arguments, arena);
    }

    private KernelLaunch(
            GpuFunction function,
            Grid grid,
            int threads,
            int sharedBytes,
            MemorySegment arguments,
            Arena arena) {
        this.function = function;
        this.grid = grid;
        this.threads = threads;
        this.sharedBytes = sharedBytes;
        MemorySegment size = arena.allocate(JAVA_LONG);
        size.set(JAVA_LONG, 0, arguments.byteSize());
        parameters = arena.allocate(JAVA_LONG, 5);
        parameters.setAtIndex(JAVA_LONG, 0, BUFFER_POINTER);
        parameters.setAtIndex(JAVA_LONG, 1, arguments.address());
        parameters.setAtIndex(JAVA_LONG, 2, BUFFER_SIZE);
        parameters.setAtIndex(JAVA_LONG, 3, size.address());
        parameterPointer = Addresses.host(parameters);
        function.allowSharedBytes(sharedBytes);
    }

    @Override
    public void enqueue(GpuStream stream) {
        stream.launch(this);
    }

    @Override
    public String name() {
        return function.name();
    }

    GpuFunction function() {
        return function;
    }

    public Grid grid() {
        return grid;
    }

    /** Threads of a block, in one direction. */
    public int threads() {
        return threads;
    }

    /** Dynamic shared memory of a block. */
    public int sharedBytes() {
        return sharedBytes;
    }

    /**
     * The null-terminated array of marks and pointers that hands the structure to the driver as it
     * is, so that a launch makes no objects.
     *
     * @throws IllegalStateException if the arena has been closed
     */
    Pointer parameters() {
        if (!parameters.scope().isAlive()) {
            throw new IllegalStateException(
                    name() + ": the arena of its arguments has been closed");
        }
        return parameterPointer;
    }
}
