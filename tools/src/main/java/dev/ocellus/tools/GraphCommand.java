package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.ModelPlans;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Workload;
import dev.ocellus.graph.draw.CostTable;
import dev.ocellus.graph.draw.Detail;
import dev.ocellus.graph.draw.Diagram;
import dev.ocellus.graph.draw.GraphDot;
import dev.ocellus.graph.draw.GraphSvg;
import dev.ocellus.plan.Plan;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;

/** A model's graph, drawn or counted. */
@Command(
        name = "graph",
        description = "Draws a model's graph, or lists the FLOPs and bytes of its steps.",
        footer = {
            "",
            "Reads no weights. The table is for one run with everything full.",
            "",
            "  ocellus graph InternVL3-2B --part vision",
            "  ocellus graph InternVL3-2B --part decode --format svg -o decode.svg",
            "  ocellus graph InternVL3-2B --format dot | dot -Tpdf -o prefill.pdf"
        })
final class GraphCommand implements Callable<Integer> {
    /** Which of a model's graphs. */
    enum Part {
        vision,
        prefill,
        decode
    }

    /** What is made of it. */
    enum Format {
        table,
        dot,
        svg,
        json
    }

    @Spec private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "Folder of a checkpoint.")
    private Path folder;

    @Option(
            names = "--part",
            paramLabel = "NAME",
            description = "${COMPLETION-CANDIDATES} (default: prefill; vision for a tower alone).")
    private Part part;

    @Option(
            names = "--format",
            paramLabel = "NAME",
            description = "${COMPLETION-CANDIDATES} (default: table).")
    private Format format = Format.table;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description = "Write to a file instead of the standard output.")
    private Path output;

    @Option(
            names = "--unfused",
            description = "Operations as the model states them, not as they run.")
    private boolean unfused;

    @Option(names = "--every-layer", description = "Show equal layers each on its own.")
    private boolean everyLayer;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            description = "Tokens of a prefill (default: ${DEFAULT-VALUE}).")
    private long tokens = 512;

    @Option(
            names = "--cached",
            paramLabel = "N",
            description = "Tokens in the cache after the run (default: those of the run).")
    private long cached;

    @Option(
            names = "--sequences",
            paramLabel = "N",
            description = "Sequences of a decoding step (default: 1).")
    private long sequences = 1;

    @Option(
            names = "--tiles",
            paramLabel = "N",
            description = "Tiles, or images, of a vision run (default: 1).")
    private long tiles = 1;

    @Mixin private OpeningOptions opening;

    @Override
    public Integer call() throws IOException {
        check("--tokens", tokens);
        check("--sequences", sequences);
        check("--tiles", tiles);
        String text;
        try (ModelPlans plans = ModelPlans.open(folder, opening.options())) {
            text = text(plan(plans));
        }
        if (output != null) {
            Files.writeString(output, text);
        } else {
            spec.commandLine().getOut().print(text);
            spec.commandLine().getOut().flush();
        }
        return 0;
    }

    private void check(String name, long n) {
        if (n < 1) {
            throw new ParameterException(
                    spec.commandLine(), name + " is " + n + "; it must be at least 1");
        }
    }

    private Plan plan(ModelPlans plans) {
        Part wanted = part != null ? part : plans.language() == null ? Part.vision : Part.prefill;
        return switch (wanted) {
            case vision -> plans.vision(tiles);
            case prefill -> plans.prefill(tokens);
            case decode -> plans.decode(sequences);
        };
    }

    private String text(Plan plan) {
        long own = part == Part.decode ? 1 : tokens;
        Workload work = Workload.full(Math.max(cached, own));
        Detail detail = everyLayer ? Detail.EVERY_LAYER : Detail.FOLDED;
        return switch (format) {
            case table -> table(plan, work, detail).text();
            case json -> json(table(plan, work, detail)).toPrettyString() + System.lineSeparator();
            case dot -> GraphDot.text(diagram(plan, work, detail));
            case svg -> GraphSvg.text(diagram(plan, work, detail));
        };
    }

    private CostTable table(Plan plan, Workload work, Detail detail) {
        return unfused
                ? CostTable.of(plan.graph(), work, detail)
                : CostTable.of(plan, work, detail);
    }

    private Diagram diagram(Plan plan, Workload work, Detail detail) {
        return unfused ? Diagram.of(plan.graph(), work, detail) : Diagram.of(plan, work, detail);
    }

    private static ObjectNode json(CostTable table) {
        ObjectNode node = JsonOutput.object();
        ArrayNode rows = node.putArray("steps");
        for (CostTable.Row r : table.rows()) {
            ObjectNode row = rows.addObject();
            row.put("section", r.section());
            row.put("layers", r.times());
            row.put("operations", r.operations());
            row.put("result", r.shape());
            put(row, r.cost());
        }
        put(node.putObject("total"), table.total());
        return node;
    }

    private static void put(ObjectNode node, Cost cost) {
        node.put("flops", cost.flops());
        node.put("weight_bytes", cost.weightBytes());
        node.put("activation_bytes", cost.activationBytes());
    }
}
