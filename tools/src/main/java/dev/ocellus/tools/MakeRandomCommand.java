package dev.ocellus.tools;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.loader.random.ModelPresets;
import dev.ocellus.loader.random.RandomCheckpoint;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;

/** Checkpoints with random weights. */
@Command(
        name = "make-random",
        description = "Writes a checkpoint with random weights in the shape of a published model.",
        footer = {
            "",
            "  ocellus make-random --list",
            "  ocellus make-random llama-1b -o /tmp/llama-1b",
            "  ocellus make-random internvl3-78b --layout hf --sparse -o /tmp/internvl3-78b"
        })
final class MakeRandomCommand implements Callable<Integer> {
    /** Types of the weights, by their short names. */
    enum WeightType {
        f32("float32"),
        f16("float16"),
        bf16("bfloat16");

        private final String configName;

        WeightType(String configName) {
            this.configName = configName;
        }
    }

    /** How names and configuration are laid out. */
    enum Layout {
        original,
        hf
    }

    @Spec private CommandSpec spec;

    @Parameters(
            arity = "0..1",
            paramLabel = "SHAPE",
            description = "Name of a published shape, or a config.json file.")
    private String shape;

    @Option(names = "--list", description = "List the names of shapes.")
    private boolean list;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FOLDER",
            description = "Where to write; must not hold weights already.")
    private Path folder;

    @Option(
            names = "--sparse",
            description = "Names and shapes only: all weights zero, in files that take no space.")
    private boolean sparse;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Type of the weights: ${COMPLETION-CANDIDATES} (default: the shape's).")
    private WeightType type;

    @Option(
            names = "--layout",
            paramLabel = "NAME",
            description = "Of chat models: ${COMPLETION-CANDIDATES} (default: original).")
    private Layout layout = Layout.original;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the weights (default: 0).")
    private long seed;

    @Option(
            names = "--shard-bytes",
            paramLabel = "N",
            description = "Bytes of a weight file at most (default: ${DEFAULT-VALUE}).")
    private long shardBytes = RandomCheckpoint.Options.DEFAULT.maxShardBytes();

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        if (list) {
            ModelPresets.names().forEach(out::println);
            out.flush();
            return 0;
        }
        if (shape == null || folder == null) {
            throw new ParameterException(
                    spec.commandLine(), "a SHAPE and -o FOLDER are needed, or --list");
        }
        ObjectNode config = config();
        if (type != null) {
            config.remove("dtype");
            config.put("torch_dtype", type.configName);
        }
        RandomCheckpoint.Options options =
                RandomCheckpoint.Options.DEFAULT
                        .withSeed(seed)
                        .withSparse(sparse)
                        .withMaxShardBytes(shardBytes);
        try (Bars bars = Bars.ofBytes()) {
            RandomCheckpoint.write(
                    folder, config, options, (bytes, total) -> bars.at("writing", bytes, total));
        }
        out.println(folder);
        out.flush();
        return 0;
    }

    private ObjectNode config() {
        Path file = Path.of(shape);
        if (Files.isRegularFile(file)) {
            JsonNode node = JsonFile.read(file);
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw new UserException(file + ": is not a JSON object");
        }
        List<String> names = ModelPresets.names();
        String name = layout == Layout.hf && names.contains(shape + "-hf") ? shape + "-hf" : shape;
        if (!names.contains(name)) {
            throw new UserException(
                    shape + ": is neither the name of a shape nor a file; see make-random --list");
        }
        if (layout == Layout.hf && !name.endsWith("-hf")) {
            throw new UserException(shape + ": has no hf layout");
        }
        return ModelPresets.config(name);
    }
}
