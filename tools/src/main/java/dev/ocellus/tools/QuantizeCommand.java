package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.WeightTypes;
import dev.ocellus.quantize.QuantizationReport;
import dev.ocellus.quantize.QuantizationReport.Matrix;
import dev.ocellus.quantize.Quantizer;
import dev.ocellus.tensor.DType;

import picocli.CommandLine.Command;
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
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/** Packed copies of models. */
@Command(
        name = "quantize",
        description = "Writes a copy of a model with packed weights: smaller, and quick to open.",
        footer = {
            "",
            "q8 and q4 round the matrices of the language model to 8.5 and 4.5 bits an element;",
            "vision towers and projectors stay as they are, and with q4 embeddings and output",
            "heads are q8. f8 is as q8 with numbers of FP8 (E4M3), for GPUs alone. bf16 is for all",
            "matrices. The error is the root of the mean square difference over that of the",
            "original's elements.",
            "",
            "  ocellus quantize InternVL3-2B -o InternVL3-2B-q8",
            "  ocellus quantize InternVL3-2B -o InternVL3-2B-q4 --type q4 --tensor '*.down_proj.*=q8'"
        })
final class QuantizeCommand implements Callable<Integer> {
    private static final int WORST = 10;

    @Spec private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "Folder of a checkpoint.")
    private Path model;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "FOLDER",
            description = "Where to write; made, or empty.")
    private Path folder;

    @Option(
            names = "--type",
            paramLabel = "TYPE",
            description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private OpeningOptions.WeightType type = OpeningOptions.WeightType.q8;

    @Option(
            names = "--tensor",
            paramLabel = "GLOB=TYPE",
            description =
                    "Another type for matrices whose names match, with * and ?: q8, q4, f8, bf16 or stored. Of several that match the first counts.")
    private List<String> choices = List.of();

    @Option(
            names = "--shard-bytes",
            paramLabel = "N",
            description = "Bytes of a weight file at most (default: ${DEFAULT-VALUE}).")
    private long shardBytes = Quantizer.Options.DEFAULT.maxShardBytes();

    @Option(names = "--json", description = "Print JSON, with all matrices.")
    private boolean json;

    @Override
    public Integer call() {
        Quantizer.Options options = options();
        QuantizationReport report;
        try (Bars bars = Bars.ofBytes()) {
            report = Quantizer.write(model, folder, options, bars);
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            JsonOutput.print(out, json(report));
        } else {
            print(report, out);
        }
        return 0;
    }

    private Quantizer.Options options() {
        WeightTypes types = WeightTypes.of(type.dtype());
        for (String choice : choices.reversed()) {
            types = types.with(rule(choice));
        }
        try {
            return new Quantizer.Options(types, shardBytes);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--shard-bytes must be at least 1", e);
        }
    }

    private WeightTypes.Rule rule(String choice) {
        int equals = choice.lastIndexOf('=');
        String glob = choice.substring(0, Math.max(equals, 0));
        String name = choice.substring(equals + 1).toLowerCase(Locale.ROOT);
        if (!glob.isEmpty() && name.equals("stored")) {
            return new WeightTypes.Rule(glob, null);
        }
        for (OpeningOptions.WeightType t : OpeningOptions.WeightType.values()) {
            if (!glob.isEmpty() && t.name().equals(name)) {
                return new WeightTypes.Rule(glob, t.dtype());
            }
        }
        throw new ParameterException(
                spec.commandLine(),
                "--tensor "
                        + choice
                        + ": must be GLOB=TYPE with a type of q8, q4, f8, bf16 or stored");
    }

    private static void print(QuantizationReport report, PrintWriter out) {
        TextTable types = new TextTable("lrrrrr");
        types.row("type", "matrices", "before", "after", "mean error", "worst error");
        Map<DType, List<Matrix>> byType =
                report.matrices().stream()
                        .collect(
                                Collectors.groupingBy(
                                        Matrix::to, TreeMap::new, Collectors.toList()));
        byType.forEach((t, all) -> types.row(row(t.lowerName(), all)));
        long others = report.bytesBefore() - sum(report.matrices(), true);
        types.row("others", "", Units.bytes(others), Units.bytes(others), "", "");
        types.row(
                "together",
                Integer.toString(report.matrices().size()),
                Units.bytes(report.bytesBefore()),
                Units.bytes(report.bytesAfter()),
                "",
                String.format(Locale.ROOT, "%.2fx smaller", report.compression()));
        types.print(out);
        List<Matrix> worst = report.worst(WORST);
        if (!worst.isEmpty()) {
            out.println();
            TextTable table = new TextTable("lllr");
            table.row("largest errors", "type", "shape", "error");
            for (Matrix m : worst) {
                table.row(
                        m.name(),
                        m.from().lowerName() + " to " + m.to().lowerName(),
                        "[" + m.rows() + "," + m.cols() + "]",
                        number(m.error()));
            }
            table.print(out);
        }
        out.println();
        out.println(report.folder());
        out.flush();
    }

    private static String[] row(String name, List<Matrix> all) {
        return new String[] {
            name,
            Integer.toString(all.size()),
            Units.bytes(sum(all, true)),
            Units.bytes(sum(all, false)),
            number(all.stream().mapToDouble(Matrix::error).average().orElse(0)),
            number(all.stream().mapToDouble(Matrix::error).max().orElse(0))
        };
    }

    private static long sum(List<Matrix> all, boolean before) {
        return all.stream().mapToLong(m -> before ? m.bytesBefore() : m.bytesAfter()).sum();
    }

    private static String number(double error) {
        return error == 0 ? "none" : String.format(Locale.ROOT, "%.2e", error);
    }

    private static ObjectNode json(QuantizationReport report) {
        ObjectNode node = JsonOutput.object();
        node.put("folder", report.folder().toString());
        node.put("bytes_before", report.bytesBefore());
        node.put("bytes_after", report.bytesAfter());
        node.put("compression", report.compression());
        ArrayNode matrices = node.putArray("matrices");
        for (Matrix m : report.matrices()) {
            ObjectNode one = matrices.addObject();
            one.put("name", m.name());
            one.put("from", m.from().name());
            one.put("to", m.to().name());
            one.putArray("shape").add(m.rows()).add(m.cols());
            one.put("bytes_before", m.bytesBefore());
            one.put("bytes_after", m.bytesAfter());
            one.put("relative_rms_error", m.error());
        }
        return node;
    }
}
