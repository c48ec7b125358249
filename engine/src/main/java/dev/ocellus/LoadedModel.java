package dev.ocellus;

import dev.ocellus.chat.TilePolicy;
import dev.ocellus.device.Device;
import dev.ocellus.device.PlanCache;
import dev.ocellus.device.WeightStore;
import dev.ocellus.generate.LanguageRunner;
import dev.ocellus.generate.PagePool;
import dev.ocellus.generate.VisionRunner;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.tokenizer.Tokenizer;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.InternVl;
import dev.ocellus.model.InternVlConfigs;
import dev.ocellus.model.Models;
import dev.ocellus.plan.Packing;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The parts of an opened model: architecture, weights, plans, caches. Closed by its {@link
 * Ocellus}.
 */
public final class LoadedModel implements AutoCloseable {
    /** Slots of a cache page. */
    public static final int PAGE_TOKENS = 64;

    private final Checkpoint checkpoint;
    private final Device device;
    private final boolean ownsDevice;
    private final WeightStore store;
    private final PlanCache plans;
    private final PagePool pages;
    private final InternVl internVl;
    private final CausalLm language;
    private final Background<Tokenizer> tokenizer;
    private final LanguageRunner runner;
    private final VisionRunner vision;
    private final TilePolicy tiles;
    private final PlanOptions planOptions;
    private final long contextTokens;
    private double packingSeconds;

    private LoadedModel(Checkpoint checkpoint, OpenOptions options) {
        this.checkpoint = checkpoint;
        // Weights are packed meanwhile.
        tokenizer =
                new Background<>("ocellus-tokenizer", () -> Tokenizer.load(checkpoint.folder()));
        internVl =
                InternVlConfigs.matches(checkpoint.config()) ? Models.internVl(checkpoint) : null;
        language = internVl == null ? Models.language(checkpoint) : internVl.language();
        tiles =
                internVl == null
                        ? null
                        : TilePolicy.of(checkpoint, internVl.config(), options.maxTiles());
        ownsDevice = options.device() == null;
        device = ownsDevice ? options.deviceChoice().open() : options.device();
        planOptions = new PlanOptions(compute(options.compute(), device));
        contextTokens =
                options.contextTokens() == 0
                        ? language.config().contextLength()
                        : options.contextTokens();
        store = device.newWeightStore();
        plans = new PlanCache(device, store, options.planBytes());
        CacheShape shape =
                language.cacheShape(PAGE_TOKENS, cacheType(options, planOptions.compute()));
        pages = new PagePool(device, shape, options.cacheBytes());
        runner = new LanguageRunner(language, device, planOptions, plans, shape, contextTokens);
        vision = internVl == null ? null : new VisionRunner(internVl, device, planOptions, plans);
    }

    static LoadedModel open(Path folder, OpenOptions options) {
        Checkpoint checkpoint = Checkpoint.open(folder, options.weightTypes());
        LoadedModel model;
        try {
            model = new LoadedModel(checkpoint, options);
        } catch (RuntimeException | Error e) {
            checkpoint.close();
            throw e;
        }
        try {
            model.pack(options.progress());
            model.tokenizer.get();
            return model;
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    /** The type in which a device multiplies under these options. */
    static ComputeType compute(OpenOptions.Compute wanted, Device device) {
        return switch (wanted) {
            case AUTO -> device.preferredCompute();
            case F32 -> ComputeType.F32;
            case BF16 -> ComputeType.BF16;
        };
    }

    /** The type of cached keys and values under these options. */
    static DType cacheType(OpenOptions options, ComputeType compute) {
        return options.cacheType() != null
                ? options.cacheType()
                : compute == ComputeType.BF16 ? DType.BF16 : DType.F32;
    }

    /**
     * Packs all weights that chat needs, so that a broken file is found now and the first answer is
     * not late.
     */
    private void pack(Progress progress) {
        Set<Packing> all = new LinkedHashSet<>();
        if (internVl != null) {
            all.addAll(visionPlan(1).packings());
        }
        all.addAll(runner.plan(runner.capacity(1, 1, false)).packings());
        long start = System.nanoTime();
        store.pack(
                all,
                progress == null
                        ? null
                        : (bytes, total) -> progress.at(Progress.WEIGHTS, bytes, total));
        checkpoint.releasePages();
        packingSeconds = (System.nanoTime() - start) * 1e-9;
    }

    /** The plan of the vision side for this many tiles. */
    public Plan visionPlan(long tileCount) {
        return device.plan(
                internVl.visionGraph(tileCount, tiles.height(), tiles.width()), planOptions);
    }

    public Path folder() {
        return checkpoint.folder();
    }

    public Checkpoint checkpoint() {
        return checkpoint;
    }

    public Device device() {
        return device;
    }

    /** The InternVL model, or null for a language model alone. */
    public InternVl internVl() {
        return internVl;
    }

    public CausalLm language() {
        return language;
    }

    public Tokenizer tokenizer() {
        return tokenizer.get();
    }

    public LanguageRunner runner() {
        return runner;
    }

    /** Null for a language model alone. */
    public VisionRunner vision() {
        return vision;
    }

    /** How images are cut; null for a language model alone. */
    public TilePolicy tiles() {
        return tiles;
    }

    public PagePool pages() {
        return pages;
    }

    public PlanCache plans() {
        return plans;
    }

    public WeightStore weights() {
        return store;
    }

    /** How long the packing of the weights took when the model was opened. */
    public double packingSeconds() {
        return packingSeconds;
    }

    public PlanOptions planOptions() {
        return planOptions;
    }

    public long contextTokens() {
        return contextTokens;
    }

    String description() {
        return language.config().architecture()
                + " on "
                + device.description()
                + "; products in "
                + planOptions.compute().name().toLowerCase(java.util.Locale.ROOT)
                + ", cache in "
                + pages.shape().dtype().lowerName()
                + "; weights of "
                + (store.bytes() >> 20)
                + " MiB"
                + hugePages();
    }

    private String hugePages() {
        long huge = store.hugePageBytes();
        return huge < 0
                ? ""
                : ", %d %% in huge pages".formatted(100 * huge / Math.max(1, store.bytes()));
    }

    @Override
    public void close() {
        plans.close();
        pages.close();
        store.close();
        if (ownsDevice) {
            device.close();
        }
        checkpoint.close();
    }
}
