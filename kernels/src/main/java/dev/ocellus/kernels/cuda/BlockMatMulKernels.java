package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.KernelCall.RmsNorm;
import dev.ocellus.kernels.nativelib.Arguments;
import dev.ocellus.tensor.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Linear layers with weights of block types: the launches of {@code blockmatmul.cu}, whose shapes
 * {@link BlockShape} decides. Thread-safe.
 */
final class BlockMatMulKernels {
    private static final String FAMILY = "blockmatmul";

    /** In the argument structure of a product without a norm. */
    private static final RmsNorm NO_NORM = new RmsNorm(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

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
            return List.of(stream(NO_NORM, call, 0, arena));
        }
        GpuWork round = round(call, scratch, arena);
        return BlockShape.of(call, gpu.info()).isStream()
                ? List.of(round, stream(NO_NORM, call, scratch, arena))
                : List.of(round, tiles(call, scratch, arena));
    }

    /**
     * A product whose activations a norm makes, as one launch, with the bits of the two calls. The
     * norm's output is not written.
     *
     * @return empty if there is none for these
     */
    Optional<List<GpuWork>> normed(RmsNorm norm, MatMul call, Arena arena) {
        return !roundsBefore(call)
                ? Optional.of(List.of(stream(norm, call, 0, arena)))
                : Optional.empty();
    }

    /** Whether the activations are rounded once for all blocks, to the scratch memory. */
    private boolean roundsBefore(MatMul call) {
        if (!BlockShape.of(call, gpu.info()).isStream()) {
            return true;
        }
        return call.rows() > 1 && call.rows() * call.k() > ROUNDED_BY_ALL;
    }

    private GpuWork round(MatMul call, long scratch, Arena arena) {
        Grid grid =
                Grid.of(
                        BlockShape.roundedRows(call),
                        Math.ceilDiv(BlockShape.blocks(call), ROUND_BLOCKS));
        String kernel = "blockmatmul_round" + (call.wType() == DType.F8 ? "_f8" : "");
        GpuFunction function = gpu.function(FAMILY, kernel);
        return KernelLaunch.of(function, grid, ROUND_THREADS, 0, call, scratch, arena);
    }

    private GpuWork stream(RmsNorm norm, MatMul call, long scratch, Arena arena) {
        return product(call, Arguments.write(List.of(norm, call), scratch, arena));
    }

    private GpuWork tiles(MatMul call, long scratch, Arena arena) {
        return product(call, Arguments.write(call, scratch, arena));
    }

    private GpuWork product(MatMul call, MemorySegment arguments) {
        BlockShape shape = BlockShape.of(call, gpu.info());
        String type = call.wType().name().toLowerCase(Locale.ROOT);
        return KernelLaunch.of(
                gpu.function(FAMILY, shape.kernel().symbol() + "_" + type),
                shape.grid(),
                shape.threads(),
                shape.sharedBytes(),
                arguments);
    }
}
