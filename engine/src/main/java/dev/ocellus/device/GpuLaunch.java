package dev.ocellus.device;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.cuda.CudaKernels;
import dev.ocellus.kernels.cuda.GpuWork;
import dev.ocellus.kernels.cuda.Grid;
import dev.ocellus.kernels.cuda.KernelLaunch;
import dev.ocellus.plan.Plan;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * One launch of a plan on a GPU, for looking at.
 *
 * @param step index among the plan's steps; a step can take several launches, and a launch can do
 *     several steps, of which this is the first
 * @param call what the step, or the last one of those, asks for
 * @param name family and kernel, as in {@code norm.rms_norm}, or the product of a library
 * @param grid blocks; null for a product of a library, which chooses its own
 * @param threads of a block; 0 for a product of a library
 * @param sharedBytes dynamic shared memory of a block; likewise
 */
public record GpuLaunch(
        int step, KernelCall call, String name, Grid grid, int threads, int sharedBytes) {

    /** Whether a library does it. */
    public boolean isLibrary() {
        return grid == null;
    }

    /** The launches of a plan's calls, in order. */
    static List<GpuLaunch> of(List<Plan.BoundCall> calls, CudaKernels kernels, Arena arena) {
        List<GpuLaunch> launches = new ArrayList<>();
        int at = 0;
        for (CudaKernels.Bound bound :
                kernels.bind(calls.stream().map(CudaExecutable::placed).toList(), arena)) {
            int step = calls.get(at).step();
            at += bound.calls();
            KernelCall call = calls.get(at - 1).call();
            bound.work().forEach(work -> launches.add(of(step, call, work)));
        }
        return List.copyOf(launches);
    }

    private static GpuLaunch of(int step, KernelCall call, GpuWork work) {
        return work instanceof KernelLaunch k
                ? new GpuLaunch(step, call, k.name(), k.grid(), k.threads(), k.sharedBytes())
                : new GpuLaunch(step, call, work.name(), null, 0, 0);
    }
}
