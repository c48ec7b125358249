package dev.ocellus.bench.table;

import dev.ocellus.bench.peers.PeerException;
import dev.ocellus.measure.Medians;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * From the start of the command line to the first byte of the demo model's answer, by the wall: a
 * new process each time, files in the page cache.
 */
final class FirstToken {
    private static final String ID = "first-token";
    private static final int WARM_UPS = 1;

    private final Setup setup;
    private final Results results;

    FirstToken(Setup setup, Results results) {
        this.setup = setup;
        this.results = results;
    }

    void measure() {
        if (Table.wanted(setup, results, Section.FIRST_TOKEN, ID)) {
            Table.guarded(results, List.of(ID), this::rounds);
        }
    }

    private void rounds() {
        double[] seconds = new double[setup.rounds() + 2];
        for (int i = -WARM_UPS; i < seconds.length; i++) {
            double s = seconds();
            if (i >= 0) {
                seconds[i] = s;
            }
        }
        double median = Medians.of(seconds);
        results.put(ID, new Outcome(median, 1, median, "wall time of tools/ocellus chat"));
    }

    private double seconds() {
        Path demo = setup.home().resolve("tools/demo/internvl-shapes");
        List<String> command =
                List.of(
                        setup.home().resolve("tools/ocellus").toString(),
                        "chat",
                        demo.toString(),
                        "--image",
                        demo.resolve("samples/scene-2.png").toString(),
                        "Describe the image.");
        try {
            long start = System.nanoTime();
            Process process =
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.DISCARD)
                            .start();
            int first = process.getInputStream().read();
            double seconds = (System.nanoTime() - start) * 1e-9;
            process.getInputStream().readAllBytes();
            if (first < 0 || process.waitFor() != 0) {
                throw new PeerException("the demo gave no answer: tools/ocellus demo");
            }
            return seconds;
        } catch (IOException e) {
            throw new PeerException("tools/ocellus cannot be started: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerException("interrupted while waiting for the demo", e);
        }
    }
}
