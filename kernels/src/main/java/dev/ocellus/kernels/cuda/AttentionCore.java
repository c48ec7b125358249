package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.nativelib.Arguments;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What a block of an attention kernel takes; see {@code attention.cuh} and the headers it names.
 *
 * @param hopper whether it is of the family for compute capability 9.0 alone
 * @param version the end of the kernel's name
 * @param queries of a tile
 * @param threads of a block
 * @param sharedBytes dynamic shared memory of a block
 */
record AttentionCore(boolean hopper, String version, int queries, int threads, long sharedBytes) {
    /** Ending of the families for compute capability 9.0. */
    private static final String HOPPER_FAMILY = "_sm90a";

    /** Head sizes of the versions for compute capability 9.0. */
    private static final int[] HOPPER_HEADS = {64, 80, 96, 128};

    /** The largest head size for which there are versions on tensor cores. */
    private static final int MOST_MATRIX = 128;

    private static final int KEYS = 64;
    private static final int RANGE_TILES = 4;
    private static final int WARP = 32;
    private static final int WARP_QUERIES = 16;

    /** Of products of warpgroups; as in {@code attention_tiles.cuh}. */
    private static final int HOPPER_QUERIES = 128;

    private static final int HOPPER_THREADS = 3 * 128;
    private static final long HOPPER_KEYS = 128;
    private static final long HOPPER_SLOTS = 4;

    /** Whether there is a version on tensor cores for this head size. */
    static boolean hasMatrix(long headDim) {
        return headDim <= MOST_MATRIX;
    }

    /**
     * The version on tensor cores.
     *
     * @param sizes head sizes for which there is a version, padded up to; ascending
     * @param merges whether the results of ranges are merged in the block
     */
    static AttentionCore matrix(int[] sizes, long headDim, int warps, boolean merges) {
        int dim = smallest(sizes, headDim);
        int threads = warps * WARP;
        long keysAndValues = 2L * KEYS * (dim + 8) * 2;
        long sums = merges ? 4L * threads * (dim / 8) * 4 : 0;
        return new AttentionCore(
                false, "matrix_" + dim, warps * WARP_QUERIES, threads, keysAndValues + sums);
    }

    /**
     * The version on tensor cores by products of warpgroups, for compute capability 9.0, where
     * {@link #hasMatrix}.
     */
    static AttentionCore hopper(long headDim) {
        int dim = smallest(HOPPER_HEADS, headDim);
        // A tile in each slot, and two barriers.
        long sharedBytes = HOPPER_SLOTS * (HOPPER_KEYS * dim * Short.BYTES + 2 * Long.BYTES);
        return new AttentionCore(true, "wgmma_" + dim, HOPPER_QUERIES, HOPPER_THREADS, sharedBytes);
    }

    /** The version on tensor cores that takes a range of keys at a time; as above. */
    static AttentionCore range(int[] sizes, long headDim) {
        int dim = smallest(sizes, headDim);
        long tile = 2L * KEYS * (dim + 8);
        long weights = 2L * KEYS * WARP_QUERIES;
        // Of each query the largest score, and the totals of four lanes.
        long softmax = 4L * WARP_QUERIES * (1 + 4);
        return new AttentionCore(
                false,
                "matrix_" + dim,
                WARP_QUERIES,
                RANGE_TILES * WARP,
                RANGE_TILES * (tile + weights + softmax));
    }

    /** The version in float32; as above. */
    static AttentionCore plain(int[] sizes, long headDim, int queries) {
        int dim = smallest(sizes, headDim);
        // Of each query the vector, the weights, a factor, two softmaxes and a span.
        long floats = KEYS * (64L + 4) + queries * (dim + KEYS + 1L + 2 * 2 + 2);
        return new AttentionCore(false, "plain_" + dim, queries, 4 * KEYS, floats * 4);
    }

    private static int smallest(int[] sizes, long headDim) {
        for (int size : sizes) {
            if (headDim <= size) {
                return size;
            }
        }
        throw new IllegalArgumentException(
                "attention with head size %d; it may be %d at most"
                        .formatted(headDim, sizes[sizes.length - 1]));
    }

    /** The kernel, of the family {@code family} or of its sibling for compute capability 9.0. */
    GpuFunction function(Gpu gpu, String family, String name) {
        return gpu.function(hopper ? family + HOPPER_FAMILY : family, name + "_" + version);
    }

    /** Of the kernel; those for compute capability 9.0 are told whether to round the output. */
    MemorySegment arguments(KernelCall call, Conditions conditions, long scratch, Arena arena) {
        return hopper
                ? Arguments.write(List.of(call), scratch, arena, conditions.roundOut() ? 1 : 0)
                : Arguments.write(call, scratch, arena);
    }

    /** Pieces into which all query heads are cut, so that a tile has room for one row of one. */
    long pieces(long heads, long kvHeads) {
        return kvHeads * groupPieces(heads, kvHeads);
    }

    /** Rows for which a tile has room, each with one piece of the heads. */
    long rows(long heads, long kvHeads) {
        return queries / Math.ceilDiv(heads / kvHeads, groupPieces(heads, kvHeads));
    }

    private long groupPieces(long heads, long kvHeads) {
        return Math.ceilDiv(heads / kvHeads, queries);
    }
}
