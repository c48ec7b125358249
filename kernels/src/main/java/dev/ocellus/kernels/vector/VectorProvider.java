package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.scalar.ScalarProvider;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;

/**
 * The kernels in which a model spends its time, in Java's vectors: products, attention,
 * normalisations, rotary embedding, activations and sums. Left to the plain Java ones, since they
 * move data or take next to no time: {@code RopeTable}, {@code Scale}, {@code KvAppend}, {@code
 * Gather}, {@code SelectRows}, {@code PackPanels} and the layouts of images; also attention with
 * heads or groups of heads that are too large for a unit, and over a cache in 8 bits, and what only
 * some models have: convolutions, group normalisation and the resizing of images. Needs the module
 * {@code jdk.incubator.vector}, which Java only has when started with {@code --add-modules}.
 * Immutable and thread-safe.
 *
 * <p>Slow until the virtual machine has compiled the kernels, for about the first second of work.
 */
public final class VectorProvider implements KernelProvider {
    private static final String MODULE = "jdk.incubator.vector";

    /** Below this, vectors gain nothing. */
    private static final int MIN_LANES = 4;

    private final ScalarProvider scalar = new ScalarProvider();

    /**
     * The provider, or the reason why there is none.
     *
     * @param reason empty if there is a provider
     */
    public record Search(Optional<VectorProvider> provider, String reason) {}

    private VectorProvider() {}

    /** The provider, if the module and vectors worth using are there. */
    public static Search find() {
        if (ModuleLayer.boot().findModule(MODULE).isEmpty()) {
            return new Search(Optional.empty(), "start Java with --add-modules " + MODULE);
        }
        // From here on the module's classes may be loaded.
        if (Lanes.COUNT < MIN_LANES) {
            return new Search(
                    Optional.empty(),
                    "this machine's vectors hold only " + Lanes.COUNT + " floats");
        }
        return new Search(Optional.of(new VectorProvider()), "");
    }

    @Override
    public String name() {
        return "vector";
    }

    @Override
    public String description() {
        return "Java vectors of " + Lanes.COUNT + " floats";
    }

    @Override
    public long scratchBytes(KernelCall call) {
        return call instanceof KernelCall.MatMul m
                ? switch (m.compute()) {
                    case F32, F16 -> 0;
                    case BF16 -> RoundActivations.bytes(m);
                    case INT8 -> BlockActivations.bytes(m);
                }
                : scalar.scratchBytes(call);
    }

    /**
     * @throws IllegalArgumentException if a type is one that the kernels don't take
     */
    @Override
    public List<Launch> bind(KernelCall call, long scratch, Arena arena) {
        // The same checks, by the one that runs what is not here.
        List<Launch> plain = scalar.bind(call, scratch, arena);
        return switch (call) {
            case KernelCall.MatMul c -> matMul(c, scratch);
            case KernelCall.Add c -> List.of(new PointwiseLaunches.Add(c));
            case KernelCall.Activate c -> List.of(new PointwiseLaunches.Activate(c));
            case KernelCall.GatedActivate c -> List.of(new PointwiseLaunches.GatedActivate(c));
            case KernelCall.Attention c
                    when AttentionLaunches.supports(c.heads(), c.kvHeads(), c.headDim()) ->
                    List.of(new AttentionLaunches.Attention(c));
            case KernelCall.PagedAttention c
                    when CacheWords.supports(c.cacheType())
                            && AttentionLaunches.supports(c.heads(), c.kvHeads(), c.headDim()) ->
                    List.of(new AttentionLaunches.PagedAttention(c));
            case KernelCall.RmsNorm c -> List.of(new NormLaunches.RmsNorm(c));
            case KernelCall.LayerNorm c -> List.of(new NormLaunches.LayerNorm(c));
            case KernelCall.Rope c -> List.of(new RopeLaunch(c));
            default -> plain;
        };
    }

    private static List<Launch> matMul(KernelCall.MatMul call, long scratch) {
        return switch (call.compute()) {
            case F32 -> List.of(new MatMulLaunch(call, call.x(), call.ldx()));
            case BF16 ->
                    List.of(
                            new RoundActivations(call, scratch),
                            new MatMulLaunch(call, scratch, call.k()));
            case INT8 ->
                    List.of(
                            new BlockActivations(call, scratch),
                            new BlockMatMulLaunch(call, scratch));
            case F16 -> throw new AssertionError(call);
        };
    }
}
