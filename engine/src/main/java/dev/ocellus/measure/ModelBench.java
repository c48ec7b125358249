package dev.ocellus.measure;

import dev.ocellus.LoadedModel;
import dev.ocellus.Ocellus;
import dev.ocellus.Progress;
import dev.ocellus.device.ChromeTrace;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures a model in interleaved rounds: each round does every piece of work once and measures the
 * machine's ceilings beside it, so that all figures come from the same minutes; a first round warms
 * up and does not count. Medians are reported. For one thread.
 */
public final class ModelBench implements AutoCloseable {

    /**
     * What is measured.
     *
     * @param promptTokens lengths of prompts; each is also the depth at which tokens are decoded
     * @param newTokens tokens decoded at each depth
     * @param sessions decode at once, beside one alone; 1 for one alone only
     * @param tiles tiles of an image, encoded together; 0 for no images
     * @param rounds rounds that count
     */
    public record Settings(
            List<Integer> promptTokens, int newTokens, int sessions, int tiles, int rounds) {
        public static final Settings DEFAULT = new Settings(List.of(128, 512), 32, 1, 1, 5);

        public Settings {
            promptTokens = List.copyOf(promptTokens);
            if (promptTokens.stream().anyMatch(n -> n < 1)
                    || newTokens < 1
                    || sessions < 1
                    || tiles < 0
                    || rounds < 1) {
                throw new IllegalArgumentException(
                        "lengths, sessions and rounds must be at least 1, tiles at least 0");
            }
        }
    }

    /** All results, and the ceilings of the same rounds. */
    public record Report(List<Measured> results, MachineLimits limits) {}

    private final List<Work> works = new ArrayList<>();
    private final int rounds;
    private final int threads;
    private final ComputeType compute;

    /**
     * @param model stays open as long as this does; its sessions should be idle
     * @throws IllegalArgumentException if a length does not fit the model's context
     */
    public ModelBench(Ocellus model, Settings settings) {
        LoadedModel parts = model.model();
        rounds = settings.rounds();
        for (int n : settings.promptTokens()) {
            TextWork text = new TextWork(parts, n, settings.newTokens());
            works.add(text.prefill());
            works.add(text.decode());
            if (settings.sessions() > 1) {
                works.add(new SessionsWork(parts, settings.sessions(), n, settings.newTokens()));
            }
        }
        if (settings.tiles() > 0 && parts.internVl() != null) {
            works.add(new ImageWork(parts, settings.tiles()));
        }
        threads =
                parts.device() instanceof CpuDevice cpu
                        ? cpu.pool().threads()
                        : Runtime.getRuntime().availableProcessors();
        compute = parts.planOptions().compute();
    }

    /**
     * Does all rounds.
     *
     * @param progress hears of rounds; null for silence
     */
    public Report run(Progress progress) {
        double[][] seconds = new double[works.size()][rounds];
        List<Ceilings> ceilings = new ArrayList<>();
        for (int round = -1; round < rounds; round++) {
            if (progress != null) {
                progress.at("rounds", round + 1L, rounds + 1L);
            }
            for (int i = 0; i < works.size(); i++) {
                double s = works.get(i).run();
                if (round >= 0) {
                    seconds[i][round] = s;
                }
            }
            if (round >= 0) {
                ceilings.add(Ceilings.measure(threads));
            }
        }
        List<Measured> results = new ArrayList<>();
        for (int i = 0; i < works.size(); i++) {
            results.add(works.get(i).measured(median(seconds[i])));
        }
        return new Report(results, MachineLimits.of(ceilings, compute));
    }

    /** Does each piece of work once more, with every step timed. Profiles by the work's name. */
    public Map<String, ChromeTrace.Track> profile() {
        Map<String, ChromeTrace.Track> tracks = new LinkedHashMap<>();
        for (Work w : works) {
            w.profiling(true);
            Measured measured = w.measured(w.run());
            tracks.put(measured.work(), w.track());
            w.profiling(false);
        }
        return tracks;
    }

    /** The middle value, or the mean of the two in the middle. */
    static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    }

    @Override
    public void close() {
        works.forEach(Work::close);
    }
}
