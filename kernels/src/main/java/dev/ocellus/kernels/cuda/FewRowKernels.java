package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.KernelCall.RmsNorm;
import dev.ocellus.kernels.nativelib.Arguments;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Locale;

/**
 * Linear layers of up to {@value #ROWS} rows whose weights are plain rows: the kernels of {@code
 * matmul_few.cu}, of activations as they are, or normalised on the way. Thread-safe.
 */
final class FewRowKernels {
    static final int ROWS = 8;

    /** Weight rows of a strip, and those of a strip that are outputs of a gated layer. */
    static final int STRIP = 16;

    private static final int GATED_STRIP = 8;

    private static final String FAMILY = "matmul_few";

    /** Columns that are multiplied with together, and of which shared memory holds a multiple. */
    private static final int RANGE = 256;

    /** Products in float32: threads, bytes of the stages of weights, activations beside them. */
    private static final int CHAIN_THREADS = STRIP * ROWS;

    private static final int CHAIN_WEIGHT_BYTES = 4 * STRIP * 33 * 16;
    private static final int CHAIN_ACTIVATIONS = 4096;

    /** Products in bfloat16: threads, and bytes of the warps' queues of weights. */
    private static final int RANGE_THREADS = 256;

    private static final int QUEUE_BYTES = 64 << 10;

    /** And for a row of activations: the bytes of its sums, and what keeps it off others' banks. */
    private static final int SUM_BYTES = 2 * 8 * (STRIP + 4) * Float.BYTES;

    private static final int PADDING = 32;

    /** Where not all columns fit at once: the strips of a block, whose sums it keeps. */
    private static final int KEPT_STRIPS = 8;

    private static final int KEPT_BYTES = STRIP * ROWS * Float.BYTES;

    /** What is left to static shared memory. */
    private static final int STATIC_BYTES = 1 << 10;

    /**
     * The most shared memory of a block: two fit a multiprocessor of Hopper, so that the next
     * kernel's come into place beside this one's.
     */
    private static final int MOST_BYTES = 112 << 10;

    private final Gpu gpu;

    FewRowKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    GpuWork matMul(MatMul call, Arena arena) {
        return launch("matmul_few_", List.of(call), call, arena);
    }

    /**
     * A normalisation and the product of what it gives, with the bits of one after the other; what
     * it gives is not written.
     */
    GpuWork normed(RmsNorm norm, MatMul call, Arena arena) {
        return launch("matmul_normed_", List.of(norm, call), call, arena);
    }

    /**
     * How a product is cut.
     *
     * @param columns of the activations in shared memory at a time
     */
    private record Cut(long blocks, int threads, long sharedBytes, long columns) {}

    private GpuWork launch(
            String prefix, List<? extends KernelCall> calls, MatMul call, Arena arena) {
        boolean chains = call.compute() == ComputeType.F32;
        String type = chains ? call.wType().name().toLowerCase(Locale.ROOT) : "mma";
        Cut cut = chains ? chains(call) : ranges(call);
        return KernelLaunch.of(
                gpu.function(FAMILY, prefix + type),
                Grid.of(cut.blocks),
                cut.threads,
                cut.sharedBytes,
                Arguments.write(calls, 0, arena, cut.columns));
    }

    private Cut chains(MatMul call) {
        long most = CHAIN_ACTIVATIONS / call.rows() / RANGE * RANGE;
        long columns = Math.min(most, ranges(call.k()) * RANGE);
        long sharedBytes = CHAIN_WEIGHT_BYTES + call.rows() * columns * Float.BYTES;
        return new Cut(strips(call), CHAIN_THREADS, sharedBytes, columns);
    }

    private Cut ranges(MatMul call) {
        long ranges = ranges(call.k());
        long rangeBytes = call.rows() * RANGE * Short.BYTES;
        long fixed = QUEUE_BYTES + call.rows() * (SUM_BYTES + PADDING * Short.BYTES);
        long free = Math.min(MOST_BYTES, gpu.info().sharedBytes()) - STATIC_BYTES - fixed;
        long blocks = Math.min(strips(call), gpu.info().multiprocessors());
        if (ranges * rangeBytes <= free) {
            long sharedBytes = fixed + ranges * rangeBytes;
            return new Cut(blocks, RANGE_THREADS, sharedBytes, ranges * RANGE);
        }
        long kept = KEPT_STRIPS * KEPT_BYTES;
        long phases = Math.ceilDiv(ranges, (free - kept) / rangeBytes);
        long phaseRanges = Math.ceilDiv(ranges, phases);
        return new Cut(
                Math.max(blocks, Math.ceilDiv(strips(call), (long) KEPT_STRIPS)),
                RANGE_THREADS,
                fixed + kept + phaseRanges * rangeBytes,
                phaseRanges * RANGE);
    }

    private static long ranges(long k) {
        return Math.ceilDiv(k, (long) RANGE);
    }

    /** Strips of the weights of a call. */
    static long strips(MatMul call) {
        return Math.ceilDiv(call.n(), call.gated() == 1 ? GATED_STRIP : STRIP);
    }
}
