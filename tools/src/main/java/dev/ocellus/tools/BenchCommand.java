package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.Ocellus;
import dev.ocellus.device.ChromeTrace;
import dev.ocellus.device.ProfileTable;
import dev.ocellus.graph.draw.Detail;
import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.measure.MachineLimits;
import dev.ocellus.measure.Measured;
import dev.ocellus.measure.ModelBench;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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
            "",
            "  ocellus bench InternVL3-2B",
            "  ocellus bench InternVL3-2B --prompt 128,2048 --new 64 --profile",
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
                    "Measure N sessions that decode at once as well (default: ${DEFAULT-VALUE}).")
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

    @Option(names = "--profile", description = "Show the time of each step of the graphs as well.")
    private boolean profile;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "Write the times of all steps for chrome://tracing or Perfetto.")
    private Path trace;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Mixin private OpeningOptions opening;

    @Override
    public Integer call() {
        ModelBench.Settings settings = settings();
        PrintWriter out = spec.commandLine().getOut();
        try (Bars loading = Bars.ofBytes();
                Ocellus model = Ocellus.open(folder, opening.options().withProgress(loading));
                ModelBench bench = new ModelBench(model, settings)) {
            ModelBench.Report report;
            try (Bars bars = Bars.ofThings()) {
                report = bench.run(bars);
            }
            if (json) {
                JsonOutput.print(out, json(model, report));
            } else {
                print(model, report, out);
            }
            if (profile || trace != null) {
                profiles(bench.profile(), report.limits(), out);
            }
        }
        return 0;
    }

    private ModelBench.Settings settings() {
        try {
            return new ModelBench.Settings(prompts, newTokens, sessions, tiles, rounds);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    private void profiles(
            Map<String, ChromeTrace.Track> tracks, MachineLimits limits, PrintWriter out) {
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
    }

    private void print(Ocellus model, ModelBench.Report report, PrintWriter out) {
        MachineLimits limits = report.limits();
        out.println(model.description());
        TextTable table = new TextTable("lrrrrrr");
        table.row("work", "time", "speed", "memory", "of peak", "arithmetic", "of peak");
        for (Measured m : report.results()) {
            table.row(
                    m.work(),
                    Units.time((long) (m.seconds() * 1e9)),
                    Units.rate(m.unitsPerSecond()) + " " + m.unit() + "/s",
                    giga(m.bytesPerSecond()) + " GB/s",
                    percent(m.bytesPerSecond(), limits.bytesPerSecond()),
                    giga(m.flopsPerSecond()) + " GFLOP/s",
                    percent(m.flopsPerSecond(), limits.flopsPerSecond()));
        }
        table.row(
                "this machine",
                "",
                "",
                giga(limits.bytesPerSecond()) + " GB/s",
                "",
                giga(limits.flopsPerSecond()) + " GFLOP/s",
                "");
        table.print(out);
        out.flush();
    }

    private static String giga(double perSecond) {
        return perSecond == 0 ? "?" : String.format(Locale.ROOT, "%.1f", perSecond * 1e-9);
    }

    private static String percent(double value, double peak) {
        return peak == 0 ? "?" : String.format(Locale.ROOT, "%.0f %%", 100 * value / peak);
    }

    private static ObjectNode json(Ocellus model, ModelBench.Report report) {
        MachineLimits limits = report.limits();
        ObjectNode node = JsonOutput.object();
        node.put("model", model.description());
        node.putObject("machine")
                .put("bytes_per_second", limits.bytesPerSecond())
                .put("flops_per_second", limits.flopsPerSecond());
        ArrayNode results = node.putArray("results");
        for (Measured m : report.results()) {
            results.addObject()
                    .put("work", m.work())
                    .put("seconds", m.seconds())
                    .put(m.unit(), m.units())
                    .put(m.unit() + "_per_second", m.unitsPerSecond())
                    .put("bytes", m.cost().bytes())
                    .put("flops", m.cost().flops())
                    .put("bytes_per_second", m.bytesPerSecond())
                    .put("flops_per_second", m.flopsPerSecond());
        }
        return node;
    }
}
