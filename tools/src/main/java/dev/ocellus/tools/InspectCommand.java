package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.TensorStatistics;
import dev.ocellus.loader.safetensors.StoredTensor;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** The tensors of a checkpoint or a file. */
@Command(
        name = "inspect",
        description = "Lists the tensors of a safetensors file or checkpoint.",
        footer = {
            "",
            "  ocellus inspect model.safetensors",
            "  ocellus inspect InternVL3-2B --filter '*.layers.0.*' --statistics",
            "  ocellus inspect InternVL3-2B --filter '*norm.weight' --values 8"
        })
final class InspectCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(
            paramLabel = "FILE|FOLDER",
            description = "A .safetensors file, an index of shards, or a checkpoint folder.")
    private Path path;

    @Option(
            names = "--filter",
            paramLabel = "GLOB",
            description = "Only tensors whose name matches, with * and ?.")
    private String glob;

    @Option(
            names = "--regex",
            paramLabel = "REGEX",
            description = "Only tensors in whose name this regular expression is found.")
    private String regex;

    @Option(
            names = "--statistics",
            description = "Read the tensors and show least, mean, most and what is not finite.")
    private boolean statistics;

    @Option(
            names = "--values",
            paramLabel = "N",
            description = "Show the first N values of each tensor.")
    private int values;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        Predicate<String> wanted = filter();
        PrintWriter out = spec.commandLine().getOut();
        try (Checkpoint checkpoint = Checkpoint.open(path)) {
            List<StoredTensor> tensors =
                    checkpoint.tensors().stream().filter(t -> wanted.test(t.name())).toList();
            if (json) {
                JsonOutput.print(out, json(checkpoint, tensors));
            } else {
                print(checkpoint, tensors, out);
            }
        }
        return 0;
    }

    private Predicate<String> filter() {
        try {
            Predicate<String> byGlob =
                    glob == null ? n -> true : Pattern.compile(regexOf(glob)).asMatchPredicate();
            Predicate<String> byRegex =
                    regex == null ? n -> true : Pattern.compile(regex).asPredicate();
            return byGlob.and(byRegex);
        } catch (PatternSyntaxException e) {
            throw new ParameterException(
                    spec.commandLine(), "--regex " + regex + ": " + e.getDescription(), e);
        }
    }

    private static String regexOf(String glob) {
        StringBuilder s = new StringBuilder();
        for (char c : glob.toCharArray()) {
            s.append(c == '*' ? ".*" : c == '?' ? "." : Pattern.quote(String.valueOf(c)));
        }
        return s.toString();
    }

    private void print(Checkpoint checkpoint, List<StoredTensor> tensors, PrintWriter out) {
        TextTable table = new TextTable(statistics ? "lllrrrrr" : "lllr");
        if (statistics) {
            table.row("tensor", "type", "shape", "size", "least", "mean", "most", "not finite");
        } else {
            table.row("tensor", "type", "shape", "size");
        }
        for (StoredTensor t : tensors) {
            String[] row = {
                t.name(),
                t.dtype().lowerName(),
                t.shape().toString().replace(" ", ""),
                Units.bytes(t.byteSize())
            };
            if (statistics) {
                row = Arrays.copyOf(row, 8);
                TensorStatistics s = TensorStatistics.of(t);
                row[4] = number(s.least());
                row[5] = number(s.mean());
                row[6] = number(s.most());
                row[7] = Long.toString(s.notFinite());
            }
            table.row(row);
        }
        table.print(out);
        if (values > 0) {
            for (StoredTensor t : tensors) {
                out.println(t.name() + " " + Arrays.toString(TensorStatistics.first(t, values)));
            }
        }
        out.printf(
                "%d of %d tensors, %s elements, %s, in %d %s%n",
                tensors.size(),
                checkpoint.tensors().size(),
                Units.count(tensors.stream().mapToLong(StoredTensor::elements).sum()),
                Units.bytes(tensors.stream().mapToLong(StoredTensor::byteSize).sum()),
                checkpoint.files().size(),
                checkpoint.files().size() == 1 ? "file" : "files");
        out.flush();
    }

    private static String number(double x) {
        return "%.4g".formatted(x);
    }

    private ObjectNode json(Checkpoint checkpoint, List<StoredTensor> tensors) {
        ObjectNode node = JsonOutput.object();
        ArrayNode files = node.putArray("files");
        checkpoint.files().forEach(f -> files.add(f.toString()));
        ArrayNode list = node.putArray("tensors");
        for (StoredTensor t : tensors) {
            ObjectNode one = list.addObject();
            one.put("name", t.name());
            one.put("dtype", t.dtype().name());
            Arrays.stream(t.shape().toArray()).forEach(one.putArray("shape")::add);
            one.put("bytes", t.byteSize());
            one.put("file", t.file().getFileName().toString());
            if (statistics) {
                TensorStatistics s = TensorStatistics.of(t);
                one.putObject("statistics")
                        .put("least", s.least())
                        .put("mean", s.mean())
                        .put("most", s.most())
                        .put("not_finite", s.notFinite());
            }
            if (values > 0) {
                Arrays.stream(TensorStatistics.first(t, values))
                        .forEach(one.putArray("values")::add);
            }
        }
        return node;
    }
}
