package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code rope.cu}: rotary embedding. Thread-safe. */
final class RopeKernels {
    private final FlatLaunch flat;

    RopeKernels(Gpu gpu) {
        flat = new FlatLaunch(gpu, "rope");
    }

    List<GpuWork> ropeTable(KernelCall.RopeTable call, long scratch, Arena arena) {
        long angles = Math.multiplyExact(call.rows(), call.half());
        return flat.one("rope_table", angles, call, scratch, arena);
    }

    List<GpuWork> rope(KernelCall.Rope call, long scratch, Arena arena) {
        long rest = call.headDim() - 2 * call.half();
        long quads = FlatLaunch.quads(call.half()) + FlatLaunch.quads(rest);
        long heads = Math.multiplyExact(call.rows(), call.heads());
        return flat.one("rope", Math.multiplyExact(heads, quads), call, scratch, arena);
    }
}
