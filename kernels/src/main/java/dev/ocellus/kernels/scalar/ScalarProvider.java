package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import java.lang.foreign.Arena;
import java.util.List;

/** All kernels in plain Java: always there, and the reference for the others. Stateless. */
public final class ScalarProvider implements KernelProvider {
    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public String description() {
        return "plain Java";
    }

    @Override
    public long scratchBytes(KernelCall call) {
        return call instanceof KernelCall.MatMul m
                ? MatMulLaunch.sumBytes(m)
                        + MatMulLaunch.RoundActivations.bytes(m)
                        + BlockProducts.QuantizeActivations.bytes(m)
                : 0;
    }

    @Override
    public List<Launch> bind(KernelCall call, long scratch, Arena arena) {
        return switch (call) {
            case KernelCall.MatMul c -> matMul(c, scratch);
            case KernelCall.RmsNorm c -> List.of(new NormLaunches.RmsNorm(c));
            case KernelCall.LayerNorm c -> List.of(new NormLaunches.LayerNorm(c));
            case KernelCall.Add c -> List.of(new PointwiseLaunches.Add(c));
            case KernelCall.Scale c -> List.of(new PointwiseLaunches.Scale(c));
            case KernelCall.Activate c -> List.of(new PointwiseLaunches.Activate(c));
            case KernelCall.GatedActivate c -> List.of(new PointwiseLaunches.GatedActivate(c));
            case KernelCall.RopeTable c -> List.of(new RopeLaunches.RopeTable(c));
            case KernelCall.Rope c -> List.of(new RopeLaunches.Rope(c));
            case KernelCall.KvAppend c -> cached(c, c.cacheType(), new RowLaunches.KvAppend(c));
            case KernelCall.PagedAttention c ->
                    cached(c, c.cacheType(), new AttentionLaunch.Paged(c));
            case KernelCall.Attention c -> List.of(new AttentionLaunch.Segments(c));
            case KernelCall.Gather c -> gather(c);
            case KernelCall.SelectRows c -> List.of(new RowLaunches.SelectRows(c));
            case KernelCall.Patchify c -> List.of(new ImageLaunches.Patchify(c));
            case KernelCall.AssembleTokens c -> List.of(new ImageLaunches.AssembleTokens(c));
            case KernelCall.PixelUnshuffle c -> List.of(new ImageLaunches.PixelUnshuffle(c));
            case KernelCall.PackPanels c -> packPanels(c);
            case KernelCall.Conv2d c -> {
                Conv2dLaunch.check(c);
                yield List.of(new Conv2dLaunch(c));
            }
            case KernelCall.GroupNorm c -> List.of(new NormLaunches.GroupNorm(c));
            case KernelCall.ResizeRows c -> List.of(new ResizeLaunches.Rows(c));
            case KernelCall.ResizePlanes c -> List.of(new ResizeLaunches.Planes(c));
            case KernelCall.Sample c -> throw KernelProvider.refuse(c);
        };
    }

    private static List<Launch> matMul(KernelCall.MatMul call, long scratch) {
        MatMulLaunch.check(call);
        long prepared = scratch + MatMulLaunch.sumBytes(call);
        return switch (call.compute()) {
            case F32 -> List.of(new MatMulLaunch(call, call.x(), call.ldx(), scratch));
            case BF16 ->
                    List.of(
                            new MatMulLaunch.RoundActivations(call, prepared),
                            new MatMulLaunch(call, prepared, call.k(), scratch));
            case INT8 ->
                    List.of(
                            new BlockProducts.QuantizeActivations(call, prepared),
                            new MatMulLaunch(
                                    call, prepared, BlockProducts.rowFloats(call.k()), scratch));
            case F16 -> throw new AssertionError(call);
        };
    }

    private static List<Launch> gather(KernelCall.Gather call) {
        Launch launch = new RowLaunches.Gather(call);
        boolean packedBlocks = call.packed() != 0 && call.tableType().isBlock();
        return packedBlocks ? List.of(launch) : stored(call, call.tableType(), launch);
    }

    private static List<Launch> packPanels(KernelCall.PackPanels call) {
        if (!Panels.packs(call.sourceType(), call.panelType())) {
            throw new IllegalArgumentException(
                    "PackPanels: rows of type "
                            + call.sourceType()
                            + " can't be packed as "
                            + call.panelType()
                            + "; F32, F16 and BF16 can, as what they are and as Q8, Q4 and F8");
        }
        return List.of(new RowLaunches.PackPanels(call));
    }

    private static List<Launch> cached(KernelCall call, DType type, Launch launch) {
        if (!KvPanels.supports(type)) {
            throw new IllegalArgumentException(
                    call.getClass().getSimpleName()
                            + ": caches are F32, F16, BF16 or Q8, not "
                            + type);
        }
        return List.of(launch);
    }

    private static List<Launch> stored(KernelCall call, DType type, Launch launch) {
        if (!Panels.supportsRows(type)) {
            throw new IllegalArgumentException(
                    call.getClass().getSimpleName()
                            + ": kernels compute on F32, F16 and BF16, not "
                            + type);
        }
        return List.of(launch);
    }
}
