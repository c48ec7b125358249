package dev.ocellus.tools;

import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.device.ChromeTrace;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.device.Device;
import dev.ocellus.device.ProfileTable;
import dev.ocellus.graph.draw.Detail;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.measure.LatencyBench;
import dev.ocellus.measure.MachineLimits;
import dev.ocellus.measure.ModelBench;
import dev.ocellus.measure.OpeningBench;
import dev.ocellus.measure.report.ModelReport;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** How fast a model is, and how fast it could be. */
@Command(
        name = "bench",
        description = "Measures a model's speed, beside what this machine can do at most.",
        footer = {
            "",
            "Medians of interleaved rounds. Bytes and FLOPs are counted from shapes;",
            "the peaks of memory and arithmetic are measured in the same rounds.",
            "One thread is timed by its CPU time, several are by the wall. Several",
            "numbers of threads are measured in turn, each with weights of its own.",
            "Opening is measured beside the reading of the same files into fresh memory.",
            "",
            "  ocellus bench InternVL3-2B",
            "  ocellus bench InternVL3-2B --prompt 128,2048 --new 64 --profile",
            "  ocellus bench InternVL3-2B --threads 1,2 --report bench.html",
            "  ocellus bench InternVL3-2B --prompt 128 --sessions 4"
        })
final class BenchCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(
            paramLabel = "MODEL",
            description = "Folder of an InternVL chat model or a language model.")
    private Path folder;

    @Option(
            names = "--prompt",
            paramLabel = "N",
            split = ",",
            description = "Lengths of prompts in tokens (default: 128,512).")
    private List<Integer> prompts = ModelBench.Settings.DEFAULT.promptTokens();

    @Option(
            names = "--new",
            paramLabel = "N",
            description = "Tokens decoded after each prompt (default: ${DEFAULT-VALUE}).")
    private int newTokens = ModelBench.Settings.DEFAULT.newTokens();

    @Option(
            names = "--sessions",
            paramLabel = "N",
            description =
                    "Measure N sessions at once as well: the speed of decoding, and how long each"
                            + " waits for its tokens while others come (default: ${DEFAULT-VALUE}).")
    private int sessions = ModelBench.Settings.DEFAULT.sessions();

    @Option(
            names = "--tiles",
            paramLabel = "N",
            description = "Tiles of an image; 0 for none (default: ${DEFAULT-VALUE}).")
    private int tiles = ModelBench.Settings.DEFAULT.tiles();

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "Rounds that count, after one that warms up (default: ${DEFAULT-VALUE}).")
    private int rounds = ModelBench.Settings.DEFAULT.rounds();

    @Option(names = "--opening", description = "Measure how long the model takes to open as well.")
    private boolean measureOpening;

    @Option(names = "--profile", description = "Show the time of each step of the graphs as well.")
    private boolean profile;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "Write the times of all steps for chrome://tracing or Perfetto.")
    private Path trace;

    @Option(
            names = "--report",
            paramLabel = "FILE",
            description = "Write a page with tables and all steps under the machine's limits.")
    private Path report;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Option(
            names = "--json-file",
            paramLabel = "FILE",
            description = "Write the same JSON to a file as well.")
    private Path jsonFile;

    @Mixin private OpeningOptions opening;

    @Override
    public Integer call() throws IOException {
        ModelBench.Settings settings = settings();
        PrintWriter out = spec.commandLine().getOut();
        OpeningBench.Report opened = measureOpening ? measuredOpening() : null;
        try (Openings models = new Openings();
                ModelBench bench = new ModelBench(models.open(), settings)) {
            ModelBench.Report results;
            try (Bars bars = Bars.ofThings()) {
                results = bench.run(bars);
            }
            Ocellus model = models.list.getLast();
            var all = new BenchOutput.Measurements(model, results, opened, waiting(model));
            if (json) {
                JsonOutput.print(out, BenchOutput.json(all));
            } else {
                BenchOutput.print(all, out);
            }
            if (jsonFile != null) {
                JsonFile.write(jsonFile, BenchOutput.json(all));
            }
            if (profile || trace != null || report != null) {
                profiles(bench, model, results, out);
            }
        }
        return 0;
    }

    private List<LatencyBench.Report> waiting(Ocellus model) {
        if (sessions < 2 || newTokens < 3) {
            return List.of();
        }
        return prompts.stream().map(n -> LatencyBench.run(model, sessions, n, newTokens)).toList();
    }

    private OpeningBench.Report measuredOpening() {
        try (Bars bars = Bars.ofThings()) {
            return OpeningBench.run(folder, opening.options(), rounds, bars);
        }
    }

    /** The model, once for each number of threads. */
    private final class Openings implements AutoCloseable {
        private final List<Ocellus> list = new ArrayList<>();
        private final List<Device> devices = new ArrayList<>();

        List<Ocellus> open() {
            if (opening.threads().size() < 2) {
                open(opening.options());
            }
            for (int n : opening.threads().size() < 2 ? List.<Integer>of() : opening.threads()) {
                devices.add(new CpuDevice(KernelProviders.get(), new WorkerPool(n)));
                open(opening.optionsOfAnyThreads().withDevice(devices.getLast()));
            }
            return list;
        }

        private void open(OpenOptions options) {
            try (Bars loading = Bars.ofBytes()) {
                list.add(Ocellus.open(folder, options.withProgress(loading)));
            }
        }

        @Override
        public void close() {
            list.forEach(Ocellus::close);
            devices.forEach(Device::close);
        }
    }

    private ModelBench.Settings settings() {
        try {
            return new ModelBench.Settings(prompts, newTokens, sessions, tiles, rounds);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    private void profiles(
            ModelBench bench, Ocellus model, ModelBench.Report results, PrintWriter out)
            throws IOException {
        Map<String, ChromeTrace.Track> tracks = bench.profile();
        int threads = bench.profiledThreads();
        MachineLimits limits = results.limits(threads);
        if (profile && !json) {
            tracks.forEach(
                    (work, t) -> {
                        out.println();
                        out.print(work + ": ");
                        out.print(
                                ProfileTable.of(t.profile(), t.work(), Detail.FOLDED)
                                        .text(limits.flopsPerSecond(), limits.bytesPerSecond()));
                    });
            out.flush();
        }
        if (trace != null) {
            JsonFile.write(trace, ChromeTrace.of(List.copyOf(tracks.values())));
        }
        if (report != null) {
            String title = "Speed of " + folder.toAbsolutePath().normalize().getFileName();
            ModelReport page =
                    new ModelReport(title, model.description(), results, tracks, threads);
            Files.writeString(report, page.html());
        }
    }
}
