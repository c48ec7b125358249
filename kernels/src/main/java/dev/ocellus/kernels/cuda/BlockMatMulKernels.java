package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall.MatMul;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Locale;

/**
 * Linear layers with weights of block types: the launches of {@code blockmatmul.cu}, whose shapes
 * {@link BlockShape} decides. Thread-safe.
 */
final class BlockMatMulKernels {
    private static final String FAMILY = "blockmatmul";

    /** Threads of the rounding kernel, and the blocks of columns that they take. */
    private static final int ROUND_THREADS = 128;

    private static final int ROUND_BLOCKS = ROUND_THREADS / 4;

    /** Few activations are rounded by every block for itself, which saves a launch. */
    private static final long ROUNDED_BY_ALL = 1 << 14;

    private final Gpu gpu;

    BlockMatMulKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    long scratchBytes(MatMul call) {
        return roundsBefore(call) ? BlockShape.scratchBytes(call) : 0;
    }

    List<GpuWork> matMul(MatMul call, long scratch, Arena arena) {
        if (!roundsBefore(call)) {
            return List.of(product(call, 0, arena));
        }
        return List.of(round(call, scratch, arena), product(call, scratch, arena));
    }

    /** Whether the activations are rounded once for all blocks, to the scratch memory. */
    private boolean roundsBefore(MatMul call) {
        if (!BlockShape.of(call, gpu.info()).isStream()) {
            return true;
        }
        return call.rows() > 1 && call.rows() * call.k() > ROUNDED_BY_ALL;
    }

    private GpuWork round(MatMul call, long scratch, Arena arena) {
        Grid grid = Grid.of(call.rows(), Math.ceilDiv(BlockShape.blocks(call), ROUND_BLOCKS));
        GpuFunction function = gpu.function(FAMILY, "blockmatmul_round");
        return KernelLaunch.of(function, grid, ROUND_THREADS, 0, call, scratch, arena);
    }

    private GpuWork product(MatMul call, long scratch, Arena arena) {
        BlockShape shape = BlockShape.of(call, gpu.info());
        String type = call.wType().name().toLowerCase(Locale.ROOT);
        return KernelLaunch.of(
                gpu.function(FAMILY, "blockmatmul_" + shape.kernel() + "_" + type),
                shape.grid(),
                shape.threads(),
                shape.sharedBytes(),
                call,
                scratch,
                arena);
    }
}
