package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code rows.cu}: choosing rows. Thread-safe. */
final class RowKernels {
    private final FlatLaunch flat;

    RowKernels(Gpu gpu) {
        flat = new FlatLaunch(gpu, "rows");
    }

    List<GpuWork> gather(KernelCall.Gather call, long scratch, Arena arena) {
        String kernel = call.tableType().isBlock() ? "gather_blocks" : "gather_plain";
        long quads = FlatLaunch.quads(call.rows(), call.cols());
        return flat.one(kernel, quads, call, scratch, arena);
    }

    List<GpuWork> selectRows(KernelCall.SelectRows call, long scratch, Arena arena) {
        long quads = FlatLaunch.quads(call.rows(), call.cols());
        return flat.one("select_rows", quads, call, scratch, arena);
    }
}
