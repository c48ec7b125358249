package dev.ocellus.device;

import dev.ocellus.kernels.nativelib.HugeMemory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory for weights, workspaces and caches. */
final class CpuMemory {
    /**
     * From this size on memory comes from the system directly, in huge pages and without being
     * zeroed by hand.
     */
    private static final long HUGE_BYTES = 1 << 20;

    private CpuMemory() {}

    /** At least 64-byte aligned memory, owned by the arena. */
    static MemorySegment allocate(long bytes, Arena arena) {
        return bytes < HUGE_BYTES ? arena.allocate(bytes, 64) : HugeMemory.allocate(bytes, arena);
    }
}
