package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.nativelib.Arguments;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code rope.cu} and {@code rope_append.cu}: rotary embedding. Thread-safe. */
final class RopeKernels {
    private static final int APPEND_THREADS = 128;

    private final Gpu gpu;
    private final FlatLaunch flat;

    RopeKernels(Gpu gpu) {
        this.gpu = gpu;
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

    List<GpuWork> ropeAppend(Fusion.RopeAppend fusion, Arena arena) {
        long heads = fusion.q().heads() + 2 * fusion.append().kvHeads();
        long threads = Math.multiplyExact(fusion.append().rows(), heads) * FlatLaunch.WARP;
        return List.of(
                KernelLaunch.of(
                        gpu.function("rope_append", "rope_append"),
                        Grid.of(Math.max(1, FlatLaunch.ceilDiv(threads, APPEND_THREADS))),
                        APPEND_THREADS,
                        0,
                        Arguments.write(fusion.structure(), 0, arena)));
    }
}
