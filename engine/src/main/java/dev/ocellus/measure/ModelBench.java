package dev.ocellus.measure;

import dev.ocellus.LoadedModel;
import dev.ocellus.Ocellus;
import dev.ocellus.Progress;
import dev.ocellus.device.ChromeTrace;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.device.CudaDevice;
import dev.ocellus.generate.LanguageRunner;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.plan.Packing;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Measures a model in interleaved rounds: each round does every piece of work once and measures the
 * machine's ceilings beside it, so that all figures come from the same minutes; a first round warms
 * up and does not count. Medians are reported. {@link Stopwatch} says which time counts. For one
 * thread.
 */
public final class ModelBench implements AutoCloseable {
    private static final int PROFILED_RUNS = 3;

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

    /**
     * All results of the same rounds.
     *
     * @param results work by work, and for each work in the order of the models
     * @param limits of the machine, in the order of the models
     */
    public record Report(List<Measured> results, List<MachineLimits> limits) {
        public Report {
            results = List.copyOf(results);
            limits = List.copyOf(limits);
        }

        /** The ceilings of this many threads. */
        public MachineLimits limits(int threads) {
            return limits.stream()
                    .filter(l -> l.threads() == threads)
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(threads + ": no such threads"));
        }

        /** The same work with the threads of the first model. */
        public Measured first(Measured result) {
            return results.stream()
                    .filter(r -> r.work().equals(result.work()))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** The works of one opening of the model. */
    private record Opened(
            int threads, Supplier<Ceilings> ceilings, ComputeType compute, List<Work> works) {

        static Opened of(LoadedModel parts, Settings settings) {
            List<Work> works = new ArrayList<>();
            for (int n : settings.promptTokens()) {
                TextWork text = new TextWork(parts, n, settings.newTokens());
                works.add(text.prefill());
                works.add(text.decode());
                if (settings.sessions() > 1) {
                    works.add(
                            new SessionsWork(parts, settings.sessions(), n, settings.newTokens()));
                }
            }
            if (settings.tiles() > 0 && parts.internVl() != null) {
                works.add(new ImageWork(parts, settings.tiles()));
            }
            if (parts.device() instanceof CudaDevice gpu) {
                return new Opened(Ceilings.DEVICE, gpu::ceilings, compute(parts), works);
            }
            int threads =
                    parts.device() instanceof CpuDevice cpu
                            ? cpu.pool().threads()
                            : Runtime.getRuntime().availableProcessors();
            return new Opened(threads, () -> Ceilings.measure(threads), compute(parts), works);
        }

        /** The type of most products: block-quantised weights have one of their own. */
        private static ComputeType compute(LoadedModel parts) {
            LanguageRunner runner = parts.runner();
            return runner.plan(runner.capacity(1, 1, false)).packings().stream()
                    .filter(p -> p instanceof Packing.Matrix m && m.type().isBlock())
                    .map(p -> ComputeType.ofBlocks(((Packing.Matrix) p).type()))
                    .findFirst()
                    .orElse(parts.planOptions().compute());
        }
    }

    private final List<Opened> models;
    private final int works;
    private final int rounds;

    /**
     * @param model stays open as long as this does; its sessions should be idle
     * @throws IllegalArgumentException if a length does not fit the model's context
     */
    public ModelBench(Ocellus model, Settings settings) {
        this(List.of(model), settings);
    }

    /**
     * Measures one checkpoint with several numbers of threads in turn.
     *
     * @param models openings of it, on devices of different numbers of threads
     */
    public ModelBench(List<Ocellus> models, Settings settings) {
        this.models = models.stream().map(m -> Opened.of(m.model(), settings)).toList();
        works = this.models.getFirst().works().size();
        rounds = settings.rounds();
    }

    /**
     * Does all rounds.
     *
     * @param progress hears of rounds; null for silence
     */
    public Report run(Progress progress) {
        Map<Work, List<Stopwatch.Time>> times = new LinkedHashMap<>();
        Map<Opened, List<Ceilings>> ceilings = new LinkedHashMap<>();
        for (int round = -1; round < rounds; round++) {
            if (progress != null) {
                progress.at("rounds", round + 1L, rounds + 1L);
            }
            boolean counts = round >= 0;
            for (int i = 0; i < works; i++) {
                for (Opened m : models) {
                    Work work = m.works().get(i);
                    work.prepare();
                    if (counts) {
                        times.computeIfAbsent(work, w -> new ArrayList<>())
                                .add(Stopwatch.time(m.threads(), work::run));
                    } else {
                        work.run();
                    }
                }
            }
            for (Opened m : counts ? models : List.<Opened>of()) {
                ceilings.computeIfAbsent(m, o -> new ArrayList<>()).add(m.ceilings().get());
            }
        }
        return report(times, ceilings);
    }

    private Report report(
            Map<Work, List<Stopwatch.Time>> times, Map<Opened, List<Ceilings>> ceilings) {
        List<Measured> results = new ArrayList<>();
        for (int i = 0; i < works; i++) {
            for (Opened m : models) {
                Work w = m.works().get(i);
                results.add(
                        new Measured(
                                w.name(),
                                m.threads(),
                                w.units(),
                                w.unit(),
                                times.get(w),
                                w.cost()));
            }
        }
        return new Report(
                results,
                models.stream().map(m -> MachineLimits.of(ceilings.get(m), m.compute())).toList());
    }

    /** Threads of the last model, which {@link #profile} takes. */
    public int profiledThreads() {
        return models.getLast().threads();
    }

    /**
     * Does each piece of work of the last model a few times more, with every step timed by the
     * wall. Profiles by the work's name.
     */
    public Map<String, ChromeTrace.Track> profile() {
        Map<String, ChromeTrace.Track> tracks = new LinkedHashMap<>();
        for (Work w : models.getLast().works()) {
            w.profiling(true);
            for (int i = 0; i < PROFILED_RUNS; i++) {
                w.prepare();
                w.run();
            }
            tracks.put(w.name(), w.track());
            w.profiling(false);
        }
        return tracks;
    }

    @Override
    public void close() {
        models.forEach(m -> m.works().forEach(Work::close));
    }
}
