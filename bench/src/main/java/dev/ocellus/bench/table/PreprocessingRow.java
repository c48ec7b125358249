package dev.ocellus.bench.table;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.bench.peers.JsonScript;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.loader.image.ImagePreprocessor;
import dev.ocellus.loader.image.Pipeline;
import dev.ocellus.loader.image.PreprocessorConfig;
import dev.ocellus.loader.image.RgbImage;
import dev.ocellus.measure.Medians;
import dev.ocellus.measure.Stopwatch;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Random;

/**
 * From decoded pixels of a photo to pixel values of 12 tiles and a thumbnail, on one thread, beside
 * Pillow and NumPy. Both get random pixels. Ours is measured before and after the peer.
 */
final class PreprocessingRow {
    private static final String ID = "preprocessing";
    private static final int WIDTH = 4000;
    private static final int HEIGHT = 3000;
    private static final Pipeline TILES = new Pipeline.DynamicTiles(448, 1, 12, true);

    private final Setup setup;
    private final Results results;

    PreprocessingRow(Setup setup, Results results) {
        this.setup = setup;
        this.results = results;
    }

    void measure() {
        if (Table.wanted(setup, results, Section.PREPROCESSING, ID)) {
            Table.guarded(results, List.of(ID), this::rounds);
        }
    }

    private void rounds() {
        byte[] pixels = new byte[WIDTH * HEIGHT * RgbImage.CHANNELS];
        new Random(1).nextBytes(pixels);
        RgbImage image = new RgbImage(WIDTH, HEIGHT, pixels);
        PreprocessorConfig config =
                PreprocessorConfig.load(setup.home().resolve("tools/demo/internvl-shapes"));
        try (WorkerPool pool = new WorkerPool(1)) {
            ImagePreprocessor ours = new ImagePreprocessor(KernelProviders.get(), pool);
            seconds(ours, image, config);
            double before = seconds(ours, image, config);
            JsonNode peer = setup.python() == null ? null : pillow();
            double mean = (before + seconds(ours, image, config)) / 2;
            double theirs = peer == null ? 0 : peer.path("thread_cpu_seconds").doubleValue();
            results.put(
                    ID,
                    peer == null
                            ? new Outcome(1 / mean, 0, 0, "no Python was given (--python)")
                            : new Outcome(
                                    1 / mean,
                                    1 / theirs,
                                    theirs / mean,
                                    peer.path("peer").asText()));
        }
    }

    private JsonNode pillow() {
        return JsonScript.run(
                "Pillow",
                List.of(
                        setup.python(),
                        setup.home().resolve("tools/reference/preprocess_pillow.py").toString(),
                        WIDTH + "x" + HEIGHT,
                        "4x3",
                        String.valueOf(setup.rounds())));
    }

    private double seconds(ImagePreprocessor ours, RgbImage image, PreprocessorConfig config) {
        double[] seconds = new double[setup.rounds()];
        for (int i = 0; i < seconds.length; i++) {
            try (Arena arena = Arena.ofShared()) {
                seconds[i] =
                        Stopwatch.time(
                                        1,
                                        () -> ours.preprocess(List.of(image), TILES, config, arena))
                                .seconds();
            }
        }
        return Medians.of(seconds);
    }
}
