package dev.ocellus.loader.image;

import dev.ocellus.kernels.KernelProvider;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * The tiles that are made of one image: its rows are read once, a few at a time, for all canvases.
 * What lies between the rows and the tiles stays small enough for a cache. Bands of rows may be run
 * by different threads.
 */
final class ImageTiles {
    /** Rows of a band, and of a unit of the horizontal pass. */
    static final int BAND = 16;

    private final RgbImage source;
    private final List<CanvasTiles> canvases;

    ImageTiles(RgbImage source, List<CanvasTiles> canvases) {
        this.source = source;
        this.canvases = canvases;
    }

    /** Bands that the rows of the image are cut into. */
    int bands() {
        return (source.height() + BAND - 1) / BAND;
    }

    /** Makes the rows of tiles that are complete with the bands [begin, end), not before. */
    void run(int begin, int end, KernelProvider provider) {
        int stop = Math.min(end * BAND, source.height());
        long rowBytes = (long) source.width() * RgbImage.CHANNELS;
        MemorySegment pixels = MemorySegment.ofArray(source.data());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment rows = arena.allocate(BAND * rowBytes, 64);
            MemorySegment count = arena.allocate(ValueLayout.JAVA_LONG);
            List<CanvasTiles.Pass> passes =
                    canvases.stream()
                            .map(
                                    c ->
                                            c.begin(
                                                    begin * BAND,
                                                    stop,
                                                    rows.address(),
                                                    count.address(),
                                                    provider,
                                                    arena))
                            .toList();
            int first = passes.stream().mapToInt(CanvasTiles.Pass::firstInput).min().orElse(stop);
            for (int row = first / BAND * BAND; row < stop; row += BAND) {
                int n = Math.min(BAND, source.height() - row);
                MemorySegment.copy(pixels, row * rowBytes, rows, 0, n * rowBytes);
                count.set(ValueLayout.JAVA_LONG, 0, n);
                for (CanvasTiles.Pass pass : passes) {
                    pass.take(row, n);
                }
            }
        }
    }
}
