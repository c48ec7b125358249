package dev.ocellus.kernels.nativelib;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import java.util.List;
import java.util.function.Function;

/** What the kernels in C make of a call: whether they take it, and which of them run in turn. */
final class NativeCalls {
    /** Longest head that the attention kernels take. */
    private static final long MAX_HEAD_DIM = 256;

    /** Of a row of int8 activations: a group of integers, two starts of sums and two scales. */
    private static final long GROUP_ROW_BYTES = Panels.GROUP + 2 * (Integer.BYTES + Float.BYTES);

    /** Keys that attention processes together; RANGE in {@code kernels/c/attention.h}. */
    private static final long KEY_RANGE = 512;

    /** Rows times key/value heads that are work enough for all threads. */
    private static final long MANY_HEADS = 32;

    /**
     * Room for the packed activations of a product and the sums of a group normalisation, for the
     * parts of attention.
     */
    static long scratchBytes(KernelCall call) {
        return switch (call) {
            case KernelCall.MatMul m when m.compute() == ComputeType.INT8 ->
                    Math.multiplyExact(m.rows(), Panels.groups(m.k()) * GROUP_ROW_BYTES);
            case KernelCall.MatMul m when packs(m) ->
                    Math.multiplyExact(m.rows(), (m.k() + 1) / 2 * 2 * Float.BYTES);
            case KernelCall.Conv2d c -> Conv2dLaunches.scratchBytes(c);
            case KernelCall.GroupNorm g -> GroupNormLaunches.scratchBytes(g);
            case KernelCall.PagedAttention a when splits(a) -> {
                long ranges = (a.maxPages() * a.pageTokens() + KEY_RANGE - 1) / KEY_RANGE;
                long part = (a.headDim() + 15) / 16 * 16 + 16;
                yield Math.multiplyExact(a.rows() * a.heads() * ranges, part * Float.BYTES);
            }
            default -> 0;
        };
    }

    /**
     * Whether ranges of keys are processed apart and merged by a second launch: for steps that
     * decode few rows of long contexts. The results are the same.
     */
    private static boolean splits(KernelCall.PagedAttention a) {
        return a.rows() * a.kvHeads() < MANY_HEADS && a.maxPages() * a.pageTokens() > KEY_RANGE;
    }

    /** A single row of float32 is used as it is, if the weights don't pad it to an even length. */
    private static boolean packs(KernelCall.MatMul m) {
        return m.rows() > 1
                || m.compute() == ComputeType.BF16
                || m.wType() != DType.F32 && m.k() % 2 != 0;
    }

    /**
     * The launches of a call, in order.
     *
     * @param kernel gives the launch of a kernel, by name, on the call's arguments
     * @throws IllegalArgumentException if a type or a size is one that the kernels don't take
     * @throws UnsupportedOperationException for Sample
     */
    static List<Launch> launches(KernelCall call, Function<String, Launch> kernel) {
        check(call);
        return switch (call) {
            case KernelCall.MatMul m when m.compute() == ComputeType.INT8 ->
                    List.of(kernel.apply("BlockMatMulPack"), kernel.apply("BlockMatMul"));
            case KernelCall.MatMul m when packs(m) ->
                    List.of(kernel.apply("MatMulPack"), kernel.apply("MatMul"));
            case KernelCall.Conv2d c ->
                    Conv2dLaunches.of(c, kernel.apply("Conv2dPack"), kernel.apply("Conv2d"));
            case KernelCall.GroupNorm g ->
                    List.of(
                            kernel.apply("GroupNormSums"),
                            kernel.apply("GroupNormScales"),
                            kernel.apply("GroupNorm"));
            case KernelCall.PagedAttention a when splits(a) ->
                    List.of(kernel.apply("PagedAttention"), kernel.apply("PagedAttentionMerge"));
            default -> List.of(kernel.apply(call.getClass().getSimpleName()));
        };
    }

    private static void check(KernelCall call) {
        switch (call) {
            case KernelCall.MatMul m -> checkProduct("matmul", m.wType(), m.compute());
            case KernelCall.Conv2d c -> {
                checkType("weights", c.wType());
                checkProduct("conv2d", c.wType(), c.compute());
            }
            case KernelCall.GroupNorm g -> {
                if (g.groups() < 1 || g.cols() % g.groups() != 0) {
                    throw new IllegalArgumentException(
                            "group norm: "
                                    + g.cols()
                                    + " channels are no "
                                    + g.groups()
                                    + " equal groups");
                }
            }
            case KernelCall.PagedAttention a -> {
                checkPages(a.cacheType(), a.pageTokens());
                checkHeads(a.heads(), a.kvHeads(), a.headDim());
                checkFactors(a.compute());
                if (a.compute() == ComputeType.BF16 && !KvPanels.meetsBf16(a.cacheType())) {
                    throw new IllegalArgumentException(
                            "attention: compute type BF16 needs a BF16 or Q8 cache, not "
                                    + a.cacheType());
                }
            }
            case KernelCall.Attention a -> {
                checkHeads(a.heads(), a.kvHeads(), a.headDim());
                checkFactors(a.compute());
            }
            case KernelCall.KvAppend k -> {
                checkPages(k.cacheType(), k.pageTokens());
                checkHeads(k.kvHeads(), k.kvHeads(), k.headDim());
            }
            case KernelCall.Gather g -> {
                if (g.packed() == 0 || !g.tableType().isBlock()) {
                    checkType("table", g.tableType());
                }
            }
            case KernelCall.PackPanels p -> {
                checkType("weights", p.sourceType());
                if (!Panels.packs(p.sourceType(), p.panelType())) {
                    throw new IllegalArgumentException(
                            "weights of type "
                                    + p.sourceType()
                                    + " can't be packed as "
                                    + p.panelType()
                                    + "; only as what they are, Q8, Q4 or F8");
                }
            }
            case KernelCall.Sample s -> throw KernelProvider.refuse(s);
            default -> {}
        }
    }

    private static void checkProduct(String name, DType weights, ComputeType compute) {
        if (!weights.isBlock()) {
            checkType("weights", weights);
        }
        if (compute == ComputeType.BF16 && weights != DType.BF16) {
            throw new IllegalArgumentException(
                    name + ": compute type BF16 needs BF16 weights, not " + weights);
        }
        if (weights == DType.F8) {
            throw new IllegalArgumentException(
                    name + ": the processor has no products with F8 weights");
        }
        if ((compute == ComputeType.INT8) != weights.isBlock()) {
            throw new IllegalArgumentException(
                    name
                            + ": Q8 and Q4 weights and compute type INT8 go together, not "
                            + weights
                            + " and "
                            + compute);
        }
    }

    private static void checkType(String what, DType type) {
        if (!Panels.supportsRows(type)) {
            throw new IllegalArgumentException(
                    "no kernel for a "
                            + what
                            + " type of "
                            + type
                            + "; F32, F16 and BF16 have one");
        }
    }

    private static void checkFactors(ComputeType compute) {
        if (compute != ComputeType.F32 && compute != ComputeType.BF16) {
            throw new IllegalArgumentException("attention: compute type must be F32 or BF16");
        }
    }

    private static void checkPages(DType type, long pageTokens) {
        if (!KvPanels.supports(type)) {
            throw new IllegalArgumentException(
                    "no kernel for a cache of type " + type + "; F32, F16, BF16 and Q8 have one");
        }
        if (!KvPanels.supports(pageTokens)) {
            throw new IllegalArgumentException(
                    "a page of " + pageTokens + " tokens; there can be 4, 8 or a multiple of 16");
        }
    }

    private static void checkHeads(long heads, long kvHeads, long headDim) {
        if (headDim < 1 || headDim > MAX_HEAD_DIM) {
            throw new IllegalArgumentException(
                    "attention: headDim " + headDim + " is not between 1 and " + MAX_HEAD_DIM);
        }
        if (heads % kvHeads != 0) {
            throw new IllegalArgumentException(
                    "attention: " + heads + " heads cannot share " + kvHeads + " key/value heads");
        }
    }

    private NativeCalls() {}
}
