package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.nativelib.Arguments;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A kernel with its grid and its argument structure. Immutable and thread-safe. */
public final class KernelLaunch implements GpuWork {
    private final GpuFunction function;
    private final Grid grid;
    private final int threads;
    private final int sharedBytes;
    private final MemorySegment arguments;

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
        return of(function, grid, threads, sharedBytes, arguments);
    }

    /**
     * A launch with any argument structure.
     *
     * @param arguments the structure, of exactly the size of the kernel's first parameter; must
     *     live as long as the launch is used
     */
    public static KernelLaunch of(
            GpuFunction function,
            Grid grid,
            int threads,
            long sharedBytes,
            MemorySegment arguments) {
        return new KernelLaunch(function, grid, threads, Math.toIntExact(sharedBytes), arguments);
    }

    private KernelLaunch(
            GpuFunction function,
            Grid grid,
            int threads,
            int sharedBytes,
            MemorySegment arguments) {
        this.function = function;
        this.grid = grid;
        this.threads = threads;
        this.sharedBytes = sharedBytes;
        this.arguments = arguments;
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
     * The argument structure.
     *
     * @throws IllegalStateException if the arena has been closed
     */
    MemorySegment arguments() {
        if (!arguments.scope().isAlive()) {
            throw new IllegalStateException(
                    name() + ": the arena of its arguments has been closed");
        }
        return arguments;
    }
}
