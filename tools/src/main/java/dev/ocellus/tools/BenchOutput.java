package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.Ocellus;
import dev.ocellus.measure.MachineLimits;
import dev.ocellus.measure.Measured;
import dev.ocellus.measure.ModelBench;

import java.io.PrintWriter;
import java.util.Locale;

/** Measurements of a model as a table and as JSON. */
final class BenchOutput {
    private BenchOutput() {}

    static void print(Ocellus model, ModelBench.Report report, PrintWriter out) {
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
                    Units.time((long) (m.seconds() * 1e9)),
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
        long disturbed = report.results().stream().mapToLong(Measured::disturbed).sum();
        if (disturbed > 0) {
            out.println(
                    "measurements while other processes were busy: "
                            + disturbed
                            + "; repeat them on a quiet machine");
        }
        out.flush();
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

    static ObjectNode json(Ocellus model, ModelBench.Report report) {
        ObjectNode node = JsonOutput.object();
        node.put("model", model.description());
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
}
