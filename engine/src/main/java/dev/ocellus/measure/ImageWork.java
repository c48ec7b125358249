package dev.ocellus.measure;

import dev.ocellus.LoadedModel;
import dev.ocellus.chat.TilePolicy;
import dev.ocellus.device.ChromeTrace;
import dev.ocellus.device.Executable;
import dev.ocellus.generate.VisionRunner;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Count;
import dev.ocellus.graph.Workload;
import dev.ocellus.model.InternVl;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Encoding the tiles of an image, with random pixels. For one thread. */
public final class ImageWork implements Work {
    private final VisionRunner runner;
    private final TilePolicy policy;
    private final int tiles;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment pixels;
    private final MemorySegment features;
    private final Count count;
    private final Cost cost;

    /**
     * @param model an InternVL model
     * @param tiles encoded together
     */
    public ImageWork(LoadedModel model, int tiles) {
        runner = model.vision();
        policy = model.tiles();
        this.tiles = tiles;
        long channels = model.internVl().config().vision().numChannels();
        long values = tiles * channels * policy.height() * policy.width();
        pixels = arena.allocate(values * 4, 64);
        Random random = new Random(tiles);
        for (long i = 0; i < values; i++) {
            pixels.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        long hidden = model.language().config().hiddenSize();
        features = arena.allocate(tiles * policy.tokensPerTile() * hidden * 4, 64);
        long batch =
                VisionRunner.batch(
                        model.internVl().config(),
                        model.device(),
                        tiles,
                        policy.height(),
                        policy.width());
        count = new Count(InternVl.TILES, batch);
        cost = cost(model, batch);
    }

    private Cost cost(LoadedModel model, long batch) {
        Cost sum = Cost.NONE;
        for (long at = 0; at < tiles; at += batch) {
            Workload work = Workload.full(0).with(count, Math.min(batch, tiles - at));
            sum = model.visionPlan(batch).costs(work).stream().reduce(sum, Cost::plus);
        }
        return sum;
    }

    @Override
    public String name() {
        return "image of " + tiles + (tiles == 1 ? " tile" : " tiles");
    }

    @Override
    public long units() {
        return tiles;
    }

    @Override
    public String unit() {
        return "tiles";
    }

    @Override
    public Cost cost() {
        return cost;
    }

    @Override
    public void run() {
        runner.encode(
                pixels, tiles, policy.height(), policy.width(), features, () -> false, done -> {});
    }

    private Executable executable() {
        return runner.executable(tiles, policy.height(), policy.width());
    }

    @Override
    public void profiling(boolean on) {
        executable().profiling(on);
    }

    @Override
    public ChromeTrace.Track track() {
        Workload work = Workload.full(0).with(count, Math.min(count.capacity(), tiles));
        return new ChromeTrace.Track(executable().profile(), work);
    }

    @Override
    public void close() {
        arena.close();
    }
}
