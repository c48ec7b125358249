package dev.ocellus.device;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Memory for weights, workspaces and caches. */
final class CpuMemory {
    private CpuMemory() {}

    /** At least 64-byte aligned memory, owned by the arena. */
    static MemorySegment allocate(long bytes, Arena arena) {
        return arena.allocate(bytes, 64);
    }
}
