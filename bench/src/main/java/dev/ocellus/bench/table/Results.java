package dev.ocellus.bench.table;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.measure.report.Machine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A table's files, JSON and Markdown, written anew after each outcome, so that a run that is cut
 * short can be gone on with. For one thread.
 */
public final class Results {
    private final Path folder;
    private final Subject subject;
    private final List<Row> rows;
    private final Map<String, Outcome> outcomes = new LinkedHashMap<>();

    /**
     * What was measured.
     *
     * @param name of the files, without what follows the point
     * @param text for people: "Measured on ..."
     * @param facts for programs
     */
    public record Subject(String name, String text, Map<String, String> facts) {

        /** The processor of this machine. */
        static Subject processor() {
            Map<String, String> facts = new LinkedHashMap<>();
            Machine.facts().forEach(f -> facts.put(f.name(), f.value()));
            facts.put("kernels", KernelProviders.get().description());
            String text =
                    "Measured on %s, %d processors, Java %s, kernels %s."
                            .formatted(
                                    Machine.processor(),
                                    Runtime.getRuntime().availableProcessors(),
                                    Runtime.version(),
                                    KernelProviders.get().description());
            return new Subject("table", text, facts);
        }
    }

    /** Takes up what earlier runs left in the folder. */
    public Results(Path folder, Subject subject, List<Row> rows) throws IOException {
        this.folder = Files.createDirectories(folder);
        this.subject = subject;
        this.rows = rows;
        if (Files.exists(json())) {
            JsonNode old = JsonFile.read(json());
            for (Row r : rows) {
                JsonNode row = old.path("rows").path(r.id());
                if (row.path("ratio").asDouble() > 0) {
                    outcomes.put(
                            r.id(),
                            new Outcome(
                                    row.path("ours").asDouble(),
                                    row.path("theirs").asDouble(),
                                    row.path("ratio").asDouble(),
                                    row.path("note").asText()));
                }
            }
        }
    }

    private Path json() {
        return folder.resolve(subject.name() + ".json");
    }

    /** Whether a row has been measured. */
    public boolean has(Row row) {
        return outcomes.containsKey(row.id()) && outcomes.get(row.id()).measured();
    }

    /** Our figure of a row; 0 if it has not been measured. */
    public double ours(String id) {
        Outcome o = outcomes.get(id);
        return o == null ? 0 : o.ours();
    }

    /** Takes an outcome and prints it. An outcome that is missing does not replace one. */
    public void put(String id, Outcome outcome) {
        Row row = rows.stream().filter(r -> r.id().equals(id)).findFirst().orElseThrow();
        if (outcome.measured() || !has(row)) {
            outcomes.put(id, outcome);
        }
        System.out.println(
                outcome.measured()
                        ? row.work() + ": " + number(outcome.ratio()) + note(outcome)
                        : row.work() + ": skipped, " + outcome.note());
        write();
    }

    private static String note(Outcome o) {
        return o.note().isEmpty() ? "" : " (" + o.note() + ")";
    }

    private void write() {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        ObjectNode machine = root.putObject("machine");
        subject.facts().forEach(machine::put);
        ObjectNode all = root.putObject("rows");
        for (Row r : rows) {
            Outcome o = outcomes.get(r.id());
            if (o != null) {
                all.putObject(r.id())
                        .put("work", r.work())
                        .put("unit", r.unit())
                        .put("ours", o.ours())
                        .put("theirs", o.theirs())
                        .put("ratio", o.ratio())
                        .put("must", r.must())
                        .put("goal", r.goal())
                        .put("note", o.note());
            }
        }
        JsonFile.write(json(), root);
        try {
            Files.writeString(folder.resolve(subject.name() + ".md"), markdown());
        } catch (IOException e) {
            throw new UncheckedIOException(subject.name() + ".md cannot be written", e);
        }
    }

    /** The table for people. */
    public String markdown() {
        StringBuilder out = new StringBuilder();
        out.append(subject.text()).append("\n\n");
        out.append("| work | ours | theirs | unit | ratio | must | goal | | notes |\n");
        out.append("| --- | ---: | ---: | --- | ---: | ---: | ---: | --- | --- |\n");
        for (Row r : rows) {
            Outcome o = outcomes.getOrDefault(r.id(), Outcome.skipped("not measured yet"));
            out.append("| ").append(r.work()).append(" | ").append(number(o.ours()));
            out.append(" | ").append(number(o.theirs())).append(" | ").append(r.unit());
            out.append(" | ").append(number(o.ratio())).append(" | ");
            out.append(target(r, r.must())).append(" | ");
            out.append(target(r, r.goal())).append(" | ");
            out.append(verdict(r, o)).append(" | ").append(o.note().replace("|", "/"));
            out.append(" |\n");
        }
        return out.toString();
    }

    private static String target(Row r, double target) {
        return (r.lowerIsBetter() ? "≤ " : "") + number(target);
    }

    private static String verdict(Row r, Outcome o) {
        if (!o.measured() || r.must() == 0) {
            return "";
        }
        return r.reaches(o.ratio(), r.goal())
                ? "goal"
                : r.reaches(o.ratio(), r.must()) ? "ok" : "below";
    }

    private static String number(double v) {
        return v == 0
                ? ""
                : String.format(Locale.ROOT, v < 20 ? "%.2f" : v < 200 ? "%.1f" : "%.0f", v);
    }
}
