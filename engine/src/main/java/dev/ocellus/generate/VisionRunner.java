package dev.ocellus.generate;

import dev.ocellus.device.Device;
import dev.ocellus.device.Executable;
import dev.ocellus.device.PlanCache;
import dev.ocellus.device.Run;
import dev.ocellus.graph.Count;
import dev.ocellus.model.InternVl;
import dev.ocellus.model.InternVlConfig;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;

import java.lang.foreign.MemorySegment;
import java.util.function.BooleanSupplier;
import java.util.function.IntConsumer;

/**
 * Turns tiles into visual tokens, a few tiles at a time so that memory stays bounded. Thread-safe.
 */
public final class VisionRunner {
    private final InternVl model;
    private final Device device;
    private final PlanOptions options;
    private final PlanCache plans;

    /** Key of a plan. */
    private record Capacity(long tiles, long height, long width) {}

    public VisionRunner(InternVl model, Device device, PlanOptions options, PlanCache plans) {
        this.model = model;
        this.device = device;
        this.options = options;
        this.plans = plans;
    }

    /**
     * @param pixels float32 [tiles, channels, height, width]
     * @param features gets float32 [tiles * tokens, hidden]
     * @param cancelled asked between kernels
     * @param progress hears after each run how many tiles are done
     */
    public void encode(
            MemorySegment pixels,
            int tiles,
            int height,
            int width,
            MemorySegment features,
            BooleanSupplier cancelled,
            IntConsumer progress) {
        long tokens = model.config().tokensPerTile(height, width);
        long tileBytes = 4L * model.config().vision().numChannels() * height * width;
        long featureBytes = 4 * tokens * model.config().language().hiddenSize();
        long batch = batch(model.config(), device, tiles, height, width);
        for (int at = 0; at < tiles; at += (int) batch) {
            int n = (int) Math.min(batch, tiles - at);
            Capacity capacity = new Capacity(batch, height, width);
            try (Run run = plans.begin(capacity, () -> plan(capacity))) {
                run.count(new Count(InternVl.TILES, batch), n);
                MemorySegment.copy(
                        pixels, at * tileBytes, run.input("pixel_values"), 0, n * tileBytes);
                run.execute(cancelled);
                MemorySegment.copy(
                        run.output("image_features"),
                        0,
                        features,
                        at * featureBytes,
                        n * featureBytes);
            }
            progress.accept(at + n);
        }
    }

    /** The runnable plan that this many tiles go through, for measuring; good until evicted. */
    public Executable executable(int tiles, int height, int width) {
        Capacity capacity =
                new Capacity(batch(model.config(), device, tiles, height, width), height, width);
        return plans.executable(capacity, () -> plan(capacity));
    }

    private Plan plan(Capacity c) {
        return device.plan(model.visionGraph(c.tiles(), c.height(), c.width()), options);
    }

    /** Tiles of one run, of as few runs as keep the device busy, all of about the same size. */
    public static long batch(
            InternVlConfig model, Device device, int tiles, int height, int width) {
        long p = model.vision().patchSize();
        long rows = 1 + height / p * (width / p);
        long most = Math.max(1, device.busyRows() / rows);
        return Math.ceilDiv(tiles, Math.ceilDiv(tiles, most));
    }
}
