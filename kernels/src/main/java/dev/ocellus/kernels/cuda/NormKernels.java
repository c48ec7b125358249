package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code norm.cu}: normalisations. Thread-safe. */
final class NormKernels {
    /** Up to so many columns a warp takes a span of them, beyond a whole block. */
    static final long WARP_COLUMNS = 1024;

    private static final int WIDE_THREADS = 256;

    private final Gpu gpu;
    private final FlatLaunch flat;

    NormKernels(Gpu gpu) {
        this.gpu = gpu;
        flat = new FlatLaunch(gpu, "norm");
    }

    List<GpuWork> rmsNorm(
            KernelCall.RmsNorm call, Conditions conditions, long scratch, Arena arena) {
        long spans = Math.multiplyExact(call.rows(), call.groups());
        return spans("rms_norm", spans, call.cols(), call, conditions, scratch, arena);
    }

    List<GpuWork> layerNorm(
            KernelCall.LayerNorm call, Conditions conditions, long scratch, Arena arena) {
        return spans("layer_norm", call.rows(), call.cols(), call, conditions, scratch, arena);
    }

    private List<GpuWork> spans(
            String kernel,
            long spans,
            long cols,
            KernelCall call,
            Conditions conditions,
            long scratch,
            Arena arena) {
        String end = conditions.roundOut() ? "_rounded" : "";
        if (cols <= WARP_COLUMNS) {
            return flat.one(kernel + end, spans * FlatLaunch.WARP, call, scratch, arena);
        }
        GpuFunction wide = gpu.function("norm", kernel + "_wide" + end);
        return List.of(
                KernelLaunch.of(
                        wide, Grid.of(Math.max(1, spans)), WIDE_THREADS, 0, call, scratch, arena));
    }
}
