package dev.ocellus.kernels.vector;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory in which a thread keeps the sums of the unit that it runs, or whatever else a kernel needs
 * within a unit. Allocated when a thread first asks for it and freed some time after its end.
 */
final class Workspace {
    /** For each kernel: see its layout there. */
    static final long BYTES = 512 << 10;

    private static final ThreadLocal<MemorySegment> MEMORY =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(BYTES, 64));

    /** Address of this thread's {@link #BYTES} bytes, 64-byte aligned; valid until it ends. */
    static long address() {
        return MEMORY.get().address();
    }

    private Workspace() {}
}
