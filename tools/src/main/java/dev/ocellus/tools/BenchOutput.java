package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.Ocellus;
import dev.ocellus.measure.LatencyBench;
import dev.ocellus.measure.MachineLimits;
import dev.ocellus.measure.Measured;
import dev.ocellus.measure.ModelBench;
import dev.ocellus.measure.OpeningBench;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** Measurements of a model as a table and as JSON. */
final class BenchOutput {
    private BenchOutput() {}

    /**
     * What was measured of a model.
     *
     * @param opening null if it was not measured
     * @param waiting a report for each length of prompt, if there was more than one session
     */
    record Measurements(
            Ocellus model,
            ModelBench.Report speed,
            OpeningBench.Report opening,
            List<LatencyBench.Report> waiting) {}

    static void print(Measurements all, PrintWriter out) {
        print(all.model(), all.speed(), out);
        if (all.opening() != null) {
            out.println();
            print(all.opening(), out);
        }
        for (LatencyBench.Report r : all.waiting()) {
            out.println();
            print(r, out);
        }
        out.flush();
    }

    private static void print(Ocellus model, ModelBench.Report report, PrintWriter out) {
        boolean several = report.limits().size() > 1;
        out.println(model.description());
        TextTable table = new TextTable("lrrrrrrrr");
        table.row(
                "work",
                several ? "threads" : "",
                "time",
                "speed",
                several ? "ratio" : "",
                "memory",
                "of peak",
                "arithmetic",
                "of peak");
        for (Measured m : report.results()) {
            MachineLimits limits = report.limits(m.threads());
            boolean first = m == report.first(m);
            table.row(
                    m.work(),
                    several ? String.valueOf(m.threads()) : "",
                    time(m.seconds()),
                    Units.rate(m.unitsPerSecond()) + " " + m.unit() + "/s",
                    first ? "" : ratio(m.speedup(report.first(m))),
                    giga(m.bytesPerSecond()) + " GB/s",
                    percent(m.bytesPerSecond(), limits.bytesPerSecond()),
                    giga(m.flopsPerSecond()) + " GFLOP/s",
                    percent(m.flopsPerSecond(), limits.flopsPerSecond()));
        }
        for (MachineLimits limits : report.limits()) {
            table.row(
                    "this machine",
                    several ? String.valueOf(limits.threads()) : "",
                    "",
                    "",
                    "",
                    giga(limits.bytesPerSecond()) + " GB/s",
                    "",
                    giga(limits.flopsPerSecond()) + " GFLOP/s",
                    "");
        }
        table.print(out);
        if (report.limits().stream().anyMatch(l -> l.flopsPerSecond() == 0)) {
            out.println("?: not measured here; arithmetic of a GPU takes cuBLAS to measure");
        }
        long disturbed = report.results().stream().mapToLong(Measured::disturbed).sum();
        if (disturbed > 0) {
            out.println(
                    "measurements while other processes were busy: "
                            + disturbed
                            + "; repeat them on a quiet machine");
        }
    }

    private static void print(LatencyBench.Report r, PrintWriter out) {
        TextTable table = new TextTable("lrrrr");
        table.row(
                "waiting, prompt %d, %d tokens".formatted(r.promptTokens(), r.newTokens()),
                "first token",
                "next: median",
                "95 %",
                "longest");
        row(table, "alone", r.alone());
        for (int i = 0; i < r.together().size(); i++) {
            row(table, "session " + (i + 1) + " of " + r.together().size(), r.together().get(i));
        }
        table.print(out);
    }

    private static void row(TextTable table, String what, LatencyBench.Times t) {
        table.row(what, time(t.first()), time(t.median()), time(t.most()), time(t.longest()));
    }

    private static String time(double seconds) {
        return Units.time((long) (seconds * 1e9));
    }

    private static void print(OpeningBench.Report r, PrintWriter out) {
        TextTable table = new TextTable("lrrr");
        table.row("opening", "time", "size", "of reading into fresh memory");
        row(table, "open the model", r.open(), r.weightBytes(), r);
        row(table, "  pack its weights", r.packing(), r.weightBytes(), r);
        row(table, "read its files", r.read(), r.fileBytes(), r);
        row(table, "touch fresh memory", r.touch(), r.weightBytes(), r);
        row(table, "read its files into fresh memory", r.readFresh(), r.fileBytes(), r);
        table.print(out);
    }

    private static void row(
            TextTable table, String what, double seconds, long bytes, OpeningBench.Report r) {
        table.row(
                what,
                time(seconds),
                Units.bytes(bytes),
                String.format(Locale.ROOT, "%.2fx", seconds / r.readFresh()));
    }

    private static String ratio(double r) {
        return String.format(Locale.ROOT, "× %.2f", r);
    }

    private static String giga(double perSecond) {
        return perSecond == 0 ? "?" : String.format(Locale.ROOT, "%.1f", perSecond * 1e-9);
    }

    private static String percent(double value, double peak) {
        return peak == 0 ? "?" : String.format(Locale.ROOT, "%.0f %%", 100 * value / peak);
    }

    static ObjectNode json(Measurements all) {
        ModelBench.Report report = all.speed();
        OpeningBench.Report opening = all.opening();
        ObjectNode node = JsonOutput.object();
        node.put("model", all.model().description());
        ArrayNode machine = node.putArray("machine");
        for (MachineLimits limits : report.limits()) {
            machine.addObject()
                    .put("threads", limits.threads())
                    .put("bytes_per_second", limits.bytesPerSecond())
                    .put("flops_per_second", limits.flopsPerSecond())
                    .put("f32_flops_per_second", limits.f32())
                    .put("bf16_flops_per_second", limits.bf16())
                    .put("int8_ops_per_second", limits.int8());
        }
        if (opening != null) {
            node.putObject("opening")
                    .put("seconds", opening.open())
                    .put("packing_seconds", opening.packing())
                    .put("read_seconds", opening.read())
                    .put("touch_seconds", opening.touch())
                    .put("read_fresh_seconds", opening.readFresh())
                    .put("file_bytes", opening.fileBytes())
                    .put("weight_bytes", opening.weightBytes());
        }
        if (!all.waiting().isEmpty()) {
            ArrayNode waiting = node.putArray("waiting");
            all.waiting().forEach(r -> json(r, waiting.addObject()));
        }
        ArrayNode results = node.putArray("results");
        for (Measured m : report.results()) {
            ObjectNode result =
                    results.addObject()
                            .put("work", m.work())
                            .put("threads", m.threads())
                            .put("seconds", m.seconds())
                            .put(m.unit(), m.units())
                            .put(m.unit() + "_per_second", m.unitsPerSecond())
                            .put("bytes", m.cost().bytes())
                            .put("flops", m.cost().flops())
                            .put("bytes_per_second", m.bytesPerSecond())
                            .put("flops_per_second", m.flopsPerSecond())
                            .put("disturbed_rounds", m.disturbed());
            if (m != report.first(m)) {
                result.put("speedup", m.speedup(report.first(m)));
            }
        }
        return node;
    }

    private static void json(LatencyBench.Report r, ObjectNode node) {
        node.put("prompt_tokens", r.promptTokens()).put("new_tokens", r.newTokens());
        json(r.alone(), node.putObject("alone"));
        ArrayNode together = node.putArray("sessions");
        r.together().forEach(t -> json(t, together.addObject()));
    }

    private static void json(LatencyBench.Times t, ObjectNode node) {
        node.put("first_token_seconds", t.first())
                .put("median_seconds", t.median())
                .put("p95_seconds", t.most())
                .put("longest_seconds", t.longest());
    }
}
