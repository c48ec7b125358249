package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Binds calls to the kernels of a GPU. The calls are those of the CPU with device addresses, and
 * mean the same, but for these layouts:
 *
 * <ul>
 *   <li>weights, tables and filters in F32, F16 and BF16 are plain rows without gaps, as in a file;
 *       gated ones the rows of the gate, then those of the other factor;
 *   <li>keys and values in a page in F32, F16 and BF16 are rows {@code [kvHeads][pageTokens]
 *       [headDim]} without gaps.
 * </ul>
 *
 * Run-time counts are read on the device. Immutable and thread-safe.
 */
public final class CudaKernels {
    /**
     * System property that, if {@code false}, leaves the attention of GPUs of compute capability
     * 9.0 (H100, H200) to the kernels for all GPUs. Its own kernels are faster where there are many
     * queries; their sums have other bits, so that a token that was prefilled can differ in its
     * last bits from one that was decoded.
     */
    public static final String HOPPER_PROPERTY = "ocellus.cuda.hopper";

    private static final int HOPPER = 90;

    private final NormKernels norm;
    private final PointwiseKernels pointwise;
    private final RopeKernels rope;
    private final RowKernels row;
    private final ImageKernels image;
    private final ConvKernels conv;
    private final CacheKernels cache;
    private final AttentionKernels attention;
    private final PagedAttentionKernels pagedAttention;
    private final MatMulKernels matMul;
    private final SampleKernels sample;
    private final Handover handover;

    /**
     * The kernels of a GPU.
     *
     * @param blas does those matrix products that it supports; null if the project's own kernels
     *     are to do all. The caller closes it.
     */
    public CudaKernels(Gpu gpu, Blas blas) {
        this(gpu, blas, !System.getProperty(HOPPER_PROPERTY, "").equals("false"));
    }

    /**
     * As the other.
     *
     * @param hopper whether the kernels for compute capability 9.0 are used on such GPUs
     */
    CudaKernels(Gpu gpu, Blas blas, boolean hopper) {
        boolean wgmma = hopper && gpu.info().computeCapability() == HOPPER;
        norm = new NormKernels(gpu);
        pointwise = new PointwiseKernels(gpu);
        rope = new RopeKernels(gpu);
        row = new RowKernels(gpu);
        image = new ImageKernels(gpu);
        conv = new ConvKernels(gpu);
        cache = new CacheKernels(gpu);
        attention = new AttentionKernels(gpu, wgmma);
        pagedAttention = new PagedAttentionKernels(gpu, wgmma);
        matMul = new MatMulKernels(gpu, blas);
        sample = new SampleKernels(gpu);
        handover = new Handover(matMul, attention, pagedAttention);
    }

    /** The type in which products with bfloat16 weights are fastest. */
    public ComputeType preferredCompute() {
        return ComputeType.BF16;
    }

    /** Bytes of device memory ({@value GpuMemory#ALIGNMENT}-byte aligned) that a call needs. */
    public long scratchBytes(KernelCall call) {
        return switch (call) {
            case KernelCall.GroupNorm c -> conv.scratchBytes(c);
            case KernelCall.Attention c -> attention.scratchBytes(c);
            case KernelCall.PagedAttention c -> pagedAttention.scratchBytes(c);
            case KernelCall.MatMul c -> matMul.scratchBytes(c);
            case KernelCall.Sample c -> sample.scratchBytes(c);
            default -> 0;
        };
    }

    /**
     * Makes the call ready to run: the work is enqueued in order, on one stream.
     *
     * @param scratch device address of {@link #scratchBytes} bytes, or 0 if none are needed
     * @param arena keeps argument structures; must live as long as the work is used
     * @throws UnsupportedOperationException for PackPanels, which the host does
     */
    public List<GpuWork> bind(KernelCall call, long scratch, Arena arena) {
        return bind(call, Conditions.NONE, scratch, arena);
    }

    private List<GpuWork> bind(KernelCall call, Conditions conditions, long scratch, Arena arena) {
        return switch (call) {
            case KernelCall.RmsNorm c -> norm.rmsNorm(c, conditions, scratch, arena);
            case KernelCall.LayerNorm c -> norm.layerNorm(c, conditions, scratch, arena);
            case KernelCall.Add c -> pointwise.add(c, scratch, arena);
            case KernelCall.Scale c -> pointwise.scale(c, scratch, arena);
            case KernelCall.Activate c -> pointwise.activate(c, scratch, arena);
            case KernelCall.GatedActivate c -> pointwise.gatedActivate(c, scratch, arena);
            case KernelCall.RopeTable c -> rope.ropeTable(c, scratch, arena);
            case KernelCall.Rope c -> rope.rope(c, scratch, arena);
            case KernelCall.Gather c -> row.gather(c, scratch, arena);
            case KernelCall.SelectRows c -> row.selectRows(c, scratch, arena);
            case KernelCall.Patchify c -> image.patchify(c, scratch, arena);
            case KernelCall.AssembleTokens c -> image.assembleTokens(c, scratch, arena);
            case KernelCall.PixelUnshuffle c -> image.pixelUnshuffle(c, scratch, arena);
            case KernelCall.ResizeRows c -> image.resizeRows(c, scratch, arena);
            case KernelCall.ResizePlanes c -> image.resizePlanes(c, scratch, arena);
            case KernelCall.Conv2d c -> conv.conv2d(c, scratch, arena);
            case KernelCall.GroupNorm c -> conv.groupNorm(c, scratch, arena);
            case KernelCall.KvAppend c -> cache.kvAppend(c, scratch, arena);
            case KernelCall.Attention c -> attention.attention(c, conditions, scratch, arena);
            case KernelCall.PagedAttention c ->
                    pagedAttention.pagedAttention(c, conditions, scratch, arena);
            case KernelCall.MatMul c -> matMul.matMul(c, conditions, scratch, arena);
            case KernelCall.Sample c -> sample.sample(c, scratch, arena);
            case KernelCall.PackPanels c -> throw hostOnly();
        };
    }

    /**
     * A call among others that follow one another. Its operands have room for all rows of its
     * capacity, and nobody needs what lies in those past the run-time count, which may be read, as
     * anything, and overwritten.
     *
     * @param scratch as {@link #bind(KernelCall, long, Arena)} takes it
     * @param onlyNextReads whether the next call alone reads what this one writes, so that it need
     *     not be written if the two are done as one
     */
    public record Placed(KernelCall call, long scratch, boolean onlyNextReads) {}

    /**
     * Neighbouring calls that run as one, or a single one.
     *
     * @param calls how many
     */
    public record Bound(int calls, List<GpuWork> work) {}

    /**
     * Makes calls that follow one another ready to run. Where a kernel does several of them, that
     * is taken; results have the same bits.
     *
     * @param arena as for a single call
     * @return all calls in their order
     */
    public List<Bound> bind(List<Placed> calls, Arena arena) {
        List<Bound> all = new ArrayList<>();
        for (int at = 0; at < calls.size(); ) {
            Conditions conditions = handover.conditions(calls, at);
            Bound bound = bindFirst(calls.subList(at, calls.size()), conditions, arena);
            all.add(bound);
            at += bound.calls();
        }
        return all;
    }

    private Bound bindFirst(List<Placed> calls, Conditions conditions, Arena arena) {
        Fusion fusion = Fusion.of(calls);
        Optional<List<GpuWork>> together =
                switch (fusion) {
                    case Fusion.None none -> Optional.empty();
                    case Fusion.RopeAppend f -> Optional.of(rope.ropeAppend(f, arena));
                    case Fusion.NormedMatMul f -> matMul.normed(f.norm(), f.product(), arena);
                };
        Placed first = calls.getFirst();
        return together.map(work -> new Bound(fusion.calls(), work))
                .orElseGet(
                        () -> new Bound(1, bind(first.call(), conditions, first.scratch(), arena)));
    }

    private static UnsupportedOperationException hostOnly() {
        return new UnsupportedOperationException(
                "weights are packed on the host, before they are copied to the GPU");
    }
}
