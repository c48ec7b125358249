package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import java.util.Locale;

/**
 * How a product with weights of a block type is spread over a GPU. All kernels give a row the same
 * bits, so which one it is and with which grid is a matter of time alone.
 *
 * <p>Kernels take as many groups of columns at a time as the shared memory of their launch holds.
 * Up to two blocks share a multiprocessor, since one has work while the other waits at a barrier.
 *
 * @param sharedBytes dynamic shared memory of a block
 */
record BlockShape(Kernel kernel, Grid grid, int threads, long sharedBytes) {
    /** Those of {@code blockmatmul.cu} that multiply. */
    enum Kernel {
        ONE,
        FEW,
        NARROW,
        TILE;

        /** Without the weights' type. */
        String symbol() {
            return "blockmatmul_" + name().toLowerCase(Locale.ROOT);
        }
    }

    private static final int WARP = 32;
    private static final long GROUP_BLOCKS = Panels.GROUP / DType.BLOCK_ELEMENTS;

    /** What {@link #roundedRows} is a multiple of. */
    private static final int ROW_MULTIPLE = 8;

    /** Shared memory of a multiprocessor that each block takes beside its own. */
    private static final long RESERVED_BYTES = 1 << 10;

    /** {@code block_few.cuh}: warps that multiply, one more adds; stages of the ring. */
    private static final int MULTIPLIERS = 7;

    private static final int STREAM_STAGES = 6;

    /** Longer stages would only begin later. */
    private static final long MOST_STREAM_STAGE_BYTES = 16 << 10;

    /** {@code block_tile.cuh}: groups of a stage at most. */
    private static final long MOST_TILE_GROUPS = 8;

    /** Panels and rows of a block of the kernel {@code tile}, and its warps. */
    private static final int TILE_PANELS = 8;

    private static final int TILE_ROWS = 128;
    private static final int TILE_WARPS = 8;

    /** Up to so many rows have {@code narrow} tiles, whatever there is of weights. */
    private static final int NARROW_ROWS = 64;

    /** Rows of a warp of the kernel {@code narrow}; warps of a block along rows, and in all. */
    private static final int NARROW_WARP_ROWS = 16;

    private static final int NARROW_ROW_WARPS = 8;
    private static final int NARROW_WARPS = 16;

    static BlockShape of(MatMul call, GpuInfo gpu) {
        if (call.rows() <= MatMulKernels.FEW_ROWS) {
            for (int resident = 2; resident > 0; resident--) {
                long stageGroups = streamStageGroups(call, gpu, resident);
                if (stageGroups > 0) {
                    return stream(call, gpu, resident, stageGroups);
                }
            }
        }
        long wideTiles =
                Math.ceilDiv(panels(call), TILE_PANELS) * Math.ceilDiv(call.rows(), TILE_ROWS);
        return call.rows() > NARROW_ROWS && wideTiles >= gpu.multiprocessors()
                ? tile(call, gpu)
                : narrow(call, gpu);
    }

    /** Whether blocks hold all activations, which they can round for themselves. */
    boolean isStream() {
        return kernel == Kernel.ONE || kernel == Kernel.FEW;
    }

    /** Bytes of all rounded activations. */
    static long scratchBytes(MatMul call) {
        return roundedRows(call) * blocks(call) * roundedBytes(call);
    }

    /** Rows of rounded activations in scratch memory. */
    static long roundedRows(MatMul call) {
        return Math.ceilDiv(call.rows(), ROW_MULTIPLE) * ROW_MULTIPLE;
    }

    /** Blocks of columns, those of whole groups. */
    static long blocks(MatMul call) {
        return Panels.groups(call.k()) * GROUP_BLOCKS;
    }

    /** Bytes of a rounded block of activations with its scale. */
    private static long roundedBytes(MatMul call) {
        long element = call.wType() == DType.F8 ? Short.BYTES : Byte.BYTES;
        return DType.BLOCK_ELEMENTS * element + Float.BYTES;
    }

    /** Stages of the ring of {@code block_tile.cuh}. */
    private static long tileStages(MatMul call) {
        return call.wType() == DType.F8 ? 3 : 4;
    }

    private static long panels(MatMul call) {
        return strips(call) * (call.gated() == 1 ? 2 : 1);
    }

    private static long strips(MatMul call) {
        return Panels.count(call.n());
    }

    private static long groupBytes(MatMul call) {
        return Panels.panelBytes(call.wType(), Panels.GROUP);
    }

    /** Shared memory of a block where so many share a multiprocessor. */
    private static long room(GpuInfo gpu, int resident) {
        return (gpu.sharedBytes() + RESERVED_BYTES) / resident - RESERVED_BYTES;
    }

    private static long streamRows(MatMul call) {
        return call.rows() == 1 ? 1 : MatMulKernels.FEW_ROWS;
    }

    private static long streamRoundedBytes(MatMul call) {
        return blocks(call) * streamRows(call) * roundedBytes(call);
    }

    /** Of the ring, and of two buffers of products. */
    private static long streamGroupBytes(MatMul call) {
        long products = GROUP_BLOCKS * Panels.ROWS * streamRows(call) * Float.BYTES;
        return STREAM_STAGES * groupBytes(call) + 2 * products;
    }

    /** Groups of a stage, 0 if there is not enough memory. */
    private static long streamStageGroups(MatMul call, GpuInfo gpu, int resident) {
        long left = room(gpu, resident) - streamRoundedBytes(call);
        long groups = Math.max(0, left / streamGroupBytes(call));
        long most = Math.max(MULTIPLIERS, MOST_STREAM_STAGE_BYTES / groupBytes(call));
        return Math.min(groups, most) / MULTIPLIERS * MULTIPLIERS;
    }

    private static BlockShape stream(MatMul call, GpuInfo gpu, int resident, long stageGroups) {
        return new BlockShape(
                call.rows() == 1 ? Kernel.ONE : Kernel.FEW,
                Grid.of(Math.min(strips(call), (long) resident * gpu.multiprocessors())),
                (MULTIPLIERS + 1) * WARP,
                streamRoundedBytes(call) + stageGroups * streamGroupBytes(call));
    }

    private static BlockShape tile(MatMul call, GpuInfo gpu) {
        Grid grid =
                Grid.of(
                        Math.ceilDiv(panels(call), TILE_PANELS),
                        Math.ceilDiv(call.rows(), TILE_ROWS));
        return tile(Kernel.TILE, call, gpu, grid, TILE_WARPS, TILE_PANELS, TILE_ROWS);
    }

    /**
     * A tile's panels are so many that all tiles run at once, if a block can have as many warps, or
     * else in as few turns as can be.
     */
    private static BlockShape narrow(MatMul call, GpuInfo gpu) {
        int rowWarps =
                (int) Math.min(NARROW_ROW_WARPS, Math.ceilDiv(call.rows(), NARROW_WARP_ROWS));
        int rows = rowWarps * NARROW_WARP_ROWS;
        long rowTiles = Math.ceilDiv(call.rows(), rows);
        // The panels of a gate and of what it gates go to one block.
        int pair = call.gated() == 1 ? 2 : 1;
        long most = NARROW_WARPS / rowWarps / pair;
        long each = Math.ceilDiv(strips(call) * rowTiles, gpu.multiprocessors());
        long turns = Math.ceilDiv(each, most);
        int panels = (int) Math.ceilDiv(each, turns) * pair;
        Grid grid = Grid.of(Math.ceilDiv(panels(call), panels), rowTiles);
        return tile(Kernel.NARROW, call, gpu, grid, panels * rowWarps, panels, rows);
    }

    private static BlockShape tile(
            Kernel kernel, MatMul call, GpuInfo gpu, Grid grid, int warps, int panels, int rows) {
        long group = panels * groupBytes(call) + GROUP_BLOCKS * rows * roundedBytes(call);
        int resident = (long) grid.x() * grid.y() <= gpu.multiprocessors() ? 1 : 2;
        long most = Math.min(MOST_TILE_GROUPS, Panels.groups(call.k()));
        long groups = Math.clamp(room(gpu, resident) / (tileStages(call) * group), 1, most);
        return new BlockShape(kernel, grid, warps * WARP, tileStages(call) * groups * group);
    }
}
