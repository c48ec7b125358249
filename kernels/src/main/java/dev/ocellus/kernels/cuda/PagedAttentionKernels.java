package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.nativelib.Arguments;

import java.lang.foreign.Arena;
import java.util.List;

/**
 * Launches of {@code paged_attention.cu} and {@code paged_attention_few.cu}: attention over the
 * key/value cache. Calls of few rows, as in decoding, cut the keys into ranges whose results meet
 * in the scratch memory; the bits of a row are the same with and without. The kernels for compute
 * capability 9.0, which take calls of many rows where they are used, have other bits. Thread-safe.
 */
final class PagedAttentionKernels {
    private static final int[] MATRIX_HEADS = {64, 96, 128};
    private static final int[] PLAIN_HEADS = {64, 128, 256, 512};
    private static final int[] FEW_MATRIX_HEADS = {64, 128};
    private static final int[] FEW_PLAIN_HEADS = {64, 128, 512};
    private static final int TILE_WARPS = 4;
    private static final int TILE_QUERIES = 16;
    private static final int FEW_QUERIES = 4;

    /** Up to here a block takes one row; as in the source. */
    private static final long FEW_ROWS = 64;

    /** Keys of a range; as in the source. */
    private static final long RANGE = 256;

    /** Where parts would take more, there are so many rows or heads that they are not needed. */
    private static final long MAX_PARTS_BYTES = 128L << 20;

    /** Blocks of few rows that a multiprocessor holds at a time. */
    private static final long RESIDENT_BLOCKS = 2;

    /** Blocks among which a row's ranges are shared out though others occupy the GPU already. */
    private static final long LEAST_SHARE = 4;

    private final Gpu gpu;
    private final boolean hopper;

    /**
     * @param hopper whether to use the kernels for compute capability 9.0
     */
    PagedAttentionKernels(Gpu gpu, boolean hopper) {
        this.gpu = gpu;
        this.hopper = hopper;
    }

    /** The results of ranges, for calls of few rows. */
    long scratchBytes(KernelCall.PagedAttention call) {
        if (call.rows() > FEW_ROWS) {
            return 0;
        }
        long parts = padded(call.rows() * call.heads() * ranges(call), 2);
        long bytes = parts * (2 + padded(call.headDim(), 4)) * Float.BYTES;
        return bytes <= MAX_PARTS_BYTES ? bytes : 0;
    }

    /** Whether there is a kernel that leaves the output in bfloat16. */
    boolean roundsOutput(KernelCall.PagedAttention call) {
        return scratchBytes(call) == 0 && tileCore(call).hopper();
    }

    List<GpuWork> pagedAttention(
            KernelCall.PagedAttention call, Conditions conditions, long scratch, Arena arena) {
        return List.of(
                scratchBytes(call) == 0
                        ? tiles(call, conditions, arena)
                        : fewRows(call, scratch, arena));
    }

    private GpuWork tiles(KernelCall.PagedAttention call, Conditions conditions, Arena arena) {
        AttentionCore core = tileCore(call);
        long rows = call.rows() <= FEW_ROWS ? 1 : core.rows(call.heads(), call.kvHeads());
        return KernelLaunch.of(
                core.function(gpu, "paged_attention", "paged_attention"),
                Grid.of(Math.ceilDiv(call.rows(), rows), core.pieces(call.heads(), call.kvHeads())),
                core.threads(),
                core.sharedBytes(),
                core.arguments(call, conditions, 0, arena));
    }

    private AttentionCore tileCore(KernelCall.PagedAttention call) {
        if (!usesMatrix(call)) {
            return AttentionCore.plain(PLAIN_HEADS, call.headDim(), TILE_QUERIES);
        }
        return hopper && call.rows() > FEW_ROWS
                ? AttentionCore.hopper(call.headDim())
                : AttentionCore.matrix(MATRIX_HEADS, call.headDim(), TILE_WARPS, true);
    }

    private GpuWork fewRows(KernelCall.PagedAttention call, long scratch, Arena arena) {
        AttentionCore core =
                usesMatrix(call)
                        ? AttentionCore.range(FEW_MATRIX_HEADS, call.headDim())
                        : AttentionCore.plain(FEW_PLAIN_HEADS, call.headDim(), FEW_QUERIES);
        long pieces = core.pieces(call.heads(), call.kvHeads());
        long resident = RESIDENT_BLOCKS * gpu.info().multiprocessors();
        long share = Math.max(LEAST_SHARE, Math.ceilDiv(resident, call.rows() * pieces));
        long written =
                gpu.memory().allocateZeros(call.rows() * pieces * Integer.BYTES, arena).address();
        return KernelLaunch.of(
                core.function(gpu, "paged_attention_few", "paged_attention_few"),
                Grid.of(call.rows(), pieces, Math.min(ranges(call), share)),
                core.threads(),
                core.sharedBytes(),
                Arguments.write(List.of(call), scratch, arena, written));
    }

    private static boolean usesMatrix(KernelCall.PagedAttention call) {
        return call.compute() == ComputeType.BF16 && AttentionCore.hasMatrix(call.headDim());
    }

    private static long ranges(KernelCall.PagedAttention call) {
        return Math.ceilDiv(call.maxPages() * call.pageTokens(), RANGE);
    }

    private static long padded(long n, long multiple) {
        return Math.ceilDiv(n, multiple) * multiple;
    }
}
