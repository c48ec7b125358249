package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Launches of {@code attention.cu}: attention inside segments. Thread-safe. */
final class AttentionKernels {
    private static final String FAMILY = "attention";
    private static final int TILE_WARPS = 4;
    private static final int TILE_QUERIES = 16;
    private static final int PACK_THREADS = 256;
    private static final int CHUNK = 8;
    private static final long MAX_SEGMENT_BLOCKS = 65535;

    /** Up to here, one tile of the kernels for all GPUs holds what shares a key/value head. */
    private static final long FEW_QUERIES = 64;

    private static final int[] MATRIX_HEADS = {64, 80, 96, 128};
    private static final int[] PLAIN_HEADS = {64, 128, 256, 512};

    private final Gpu gpu;
    private final boolean hopper;

    /**
     * @param hopper whether to use the kernels for compute capability 9.0
     */
    AttentionKernels(Gpu gpu, boolean hopper) {
        this.gpu = gpu;
        this.hopper = hopper;
    }

    /** The keys and values in bfloat16, where the tensor cores multiply. */
    long scratchBytes(KernelCall.Attention call) {
        return usesMatrix(call) ? 2 * call.rows() * chunks(call) * CHUNK * Short.BYTES : 0;
    }

    /** Whether there is a kernel that leaves the output in bfloat16. */
    boolean roundsOutput(KernelCall.Attention call) {
        return core(call).hopper();
    }

    private AttentionCore core(KernelCall.Attention call) {
        if (!usesMatrix(call)) {
            return AttentionCore.plain(PLAIN_HEADS, call.headDim(), TILE_QUERIES);
        }
        return hopper && call.queryLength() * call.heads() / call.kvHeads() > FEW_QUERIES
                ? AttentionCore.hopper(call.headDim())
                : AttentionCore.matrix(MATRIX_HEADS, call.headDim(), TILE_WARPS, false);
    }

    List<GpuWork> attention(
            KernelCall.Attention call, Conditions conditions, long scratch, Arena arena) {
        List<GpuWork> work = new ArrayList<>();
        AttentionCore core = core(call);
        if (usesMatrix(call)) {
            work.add(pack(call, scratch, arena));
        }
        long tiles =
                Math.ceilDiv(call.queryLength(), core.rows(call.heads(), call.kvHeads()))
                        * call.rows();
        work.add(
                KernelLaunch.of(
                        core.function(gpu, FAMILY, "attention"),
                        Grid.of(tiles, core.pieces(call.heads(), call.kvHeads())),
                        core.threads(),
                        core.sharedBytes(),
                        core.arguments(call, conditions, scratch, arena)));
        return work;
    }

    private GpuWork pack(KernelCall.Attention call, long scratch, Arena arena) {
        return KernelLaunch.of(
                gpu.function(FAMILY, "attention_pack"),
                Grid.of(
                        Math.ceilDiv(chunks(call), PACK_THREADS),
                        2,
                        Math.min(call.rows(), MAX_SEGMENT_BLOCKS)),
                PACK_THREADS,
                0,
                call,
                scratch,
                arena);
    }

    private static boolean usesMatrix(KernelCall.Attention call) {
        return call.compute() == ComputeType.BF16 && AttentionCore.hasMatrix(call.headDim());
    }

    /** Chunks of the keys, or values, of one segment; rows are filled up to whole ones. */
    private static long chunks(KernelCall.Attention call) {
        return call.keyLength() * call.kvHeads() * Math.ceilDiv(call.headDim(), CHUNK);
    }
}
