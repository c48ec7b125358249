package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/**
 * Launches of {@code paged_attention.cu}: attention over the key/value cache. Calls of few rows, as
 * in decoding, cut the keys into parts whose results meet in the scratch memory; the bits of a row
 * are the same with and without. The kernels for compute capability 9.0, which take calls of many
 * rows where they are used, have other bits. Thread-safe.
 */
final class PagedAttentionKernels {
    private static final String FAMILY = "paged_attention";
    private static final int TILE_WARPS = 4;
    private static final int TILE_QUERIES = 16;
    private static final int ROW_QUERIES = 4;

    /** Up to here a block takes one row; as in the source. */
    private static final long FEW_ROWS = 64;

    /** Keys of a range; as in the source. */
    private static final long RANGE = 256;

    /** Where parts would take more, there are so many rows or heads that they are not needed. */
    private static final long MAX_PARTS_BYTES = 128L << 20;

    /** More than this occupy no GPU better. */
    private static final long ENOUGH_BLOCKS = 2048;

    private static final int MERGE_THREADS = 128;

    private final Gpu gpu;
    private final boolean hopper;

    /**
     * @param hopper whether to use the kernels for compute capability 9.0
     */
    PagedAttentionKernels(Gpu gpu, boolean hopper) {
        this.gpu = gpu;
        this.hopper = hopper;
    }

    /** The parts of the result, for calls of few rows. */
    long scratchBytes(KernelCall.PagedAttention call) {
        if (call.rows() > FEW_ROWS) {
            return 0;
        }
        long bytes = call.rows() * call.heads() * ranges(call) * (call.headDim() + 2) * Float.BYTES;
        return bytes <= MAX_PARTS_BYTES ? bytes : 0;
    }

    List<GpuWork> pagedAttention(KernelCall.PagedAttention call, long scratch, Arena arena) {
        if (scratchBytes(call) == 0) {
            return List.of(tiles(call, arena));
        }
        return List.of(parts(call, scratch, arena), merge(call, scratch, arena));
    }

    private GpuWork tiles(KernelCall.PagedAttention call, Arena arena) {
        AttentionCore core = tileCore(call);
        long rows = call.rows() <= FEW_ROWS ? 1 : core.rows(call.heads(), call.kvHeads());
        return KernelLaunch.of(
                core.function(gpu, FAMILY, "paged_attention"),
                Grid.of(Math.ceilDiv(call.rows(), rows), core.pieces(call.heads(), call.kvHeads())),
                core.threads(),
                core.sharedBytes(),
                call,
                0,
                arena);
    }

    private AttentionCore tileCore(KernelCall.PagedAttention call) {
        if (!usesMatrix(call)) {
            return AttentionCore.plain(call.headDim(), TILE_QUERIES);
        }
        return hopper && call.rows() > FEW_ROWS
                ? AttentionCore.hopper(call.headDim())
                : AttentionCore.matrix(call.headDim(), TILE_WARPS, true);
    }

    private GpuWork parts(KernelCall.PagedAttention call, long scratch, Arena arena) {
        AttentionCore core =
                usesMatrix(call)
                        ? AttentionCore.matrix(call.headDim(), 1, false)
                        : AttentionCore.plain(call.headDim(), ROW_QUERIES);
        long pieces = core.pieces(call.heads(), call.kvHeads());
        long share = Math.ceilDiv(ENOUGH_BLOCKS, call.rows() * pieces);
        return KernelLaunch.of(
                core.function(gpu, FAMILY, "paged_attention_parts"),
                Grid.of(call.rows(), pieces, Math.min(ranges(call), share)),
                core.threads(),
                core.sharedBytes(),
                call,
                scratch,
                arena);
    }

    private GpuWork merge(KernelCall.PagedAttention call, long scratch, Arena arena) {
        return KernelLaunch.of(
                gpu.function(FAMILY, "paged_attention_merge"),
                Grid.of(call.rows(), call.heads()),
                MERGE_THREADS,
                0,
                call,
                scratch,
                arena);
    }

    private static boolean usesMatrix(KernelCall.PagedAttention call) {
        return call.compute() == ComputeType.BF16 && AttentionCore.hasMatrix(call.headDim());
    }

    private static long ranges(KernelCall.PagedAttention call) {
        return Math.ceilDiv(call.maxPages() * call.pageTokens(), RANGE);
    }
}
