package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.ModelInfo;
import dev.ocellus.tensor.DType;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/** What a model is and needs. */
@Command(
        name = "info",
        description = "Shows what a model is, what it can do and how much memory it needs.",
        footer = {"", "Reads no weights, so it is quick for a model of any size."})
final class InfoCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(paramLabel = "MODEL", description = "Folder of a checkpoint.")
    private Path folder;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Mixin private OpeningOptions opening;

    @Override
    public Integer call() {
        ModelInfo info = ModelInfo.of(folder, opening.options());
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            JsonOutput.print(out, json(info));
        } else {
            print(info, out);
        }
        return 0;
    }

    private static void print(ModelInfo info, PrintWriter out) {
        ModelInfo.Memory m = info.memory();
        out.println(info.location());
        TextTable facts = new TextTable("ll");
        facts.row("  architecture", info.architecture());
        facts.row(
                "  parameters",
                "%s (%s), %s in the files"
                        .formatted(
                                Units.count(info.parameters()),
                                types(info.parametersByDType()),
                                Units.bytes(info.fileBytes())));
        for (ModelInfo.Part p : info.parts()) {
            facts.row("    " + p.name(), Units.count(p.parameters()) + ": " + p.shape());
        }
        facts.row(
                "  can",
                info.capabilities().isEmpty()
                        ? "not chat: it is a vision tower"
                        : capabilities(info));
        if (info.contextTokens() > 0) {
            facts.row("  context", info.contextTokens() + " tokens");
        }
        facts.row(
                "  runs on", info.device() + "; products of bfloat16 weights in " + compute(info));
        facts.print(out);

        out.println("memory");
        TextTable memory = new TextTable("lrl");
        memory.row("  packed weights", Units.bytes(m.weights()), "");
        memory.row(
                "  workspaces",
                Units.bytes(m.decodeWorkspace() + m.promptWorkspace() + m.visionWorkspace()),
                "decoding %s, prompts %s, images %s"
                        .formatted(
                                Units.bytes(m.decodeWorkspace()),
                                Units.bytes(m.promptWorkspace()),
                                Units.bytes(m.visionWorkspace())));
        if (m.cacheType() != null) {
            memory.row(
                    "  key/value cache",
                    Units.bytes(m.cacheForContext()),
                    "for a full context in %s, %s for each token"
                            .formatted(m.cacheType().lowerName(), Units.bytes(m.cachePerToken())));
        }
        memory.row("  together", Units.bytes(m.total()), "");
        if (m.tileFeatures() > 0) {
            memory.row("  image features", Units.bytes(m.tileFeatures()), "for each cached tile");
        }
        memory.print(out);
        out.flush();
    }

    private static String types(Map<DType, Long> byType) {
        return byType.size() == 1
                ? byType.keySet().iterator().next().lowerName()
                : byType.entrySet().stream()
                        .map(e -> Units.count(e.getValue()) + " " + e.getKey().lowerName())
                        .collect(Collectors.joining(", "));
    }

    private static String capabilities(ModelInfo info) {
        return info.capabilities().stream()
                .map(c -> c.name().toLowerCase(Locale.ROOT).replace('_', ' '))
                .collect(Collectors.joining(", "));
    }

    private static String compute(ModelInfo info) {
        return info.compute().name().toLowerCase(Locale.ROOT);
    }

    private static ObjectNode json(ModelInfo info) {
        ObjectNode node = JsonOutput.object();
        node.put("location", info.location().toString());
        node.put("architecture", info.architecture());
        node.put("parameters", info.parameters());
        ObjectNode types = node.putObject("parameters_by_dtype");
        info.parametersByDType().forEach((t, n) -> types.put(t.lowerName(), n));
        node.put("file_bytes", info.fileBytes());
        ArrayNode parts = node.putArray("parts");
        for (ModelInfo.Part p : info.parts()) {
            parts.addObject()
                    .put("name", p.name())
                    .put("shape", p.shape())
                    .put("parameters", p.parameters());
        }
        ArrayNode capabilities = node.putArray("capabilities");
        info.capabilities().forEach(c -> capabilities.add(c.name().toLowerCase(Locale.ROOT)));
        node.put("context_tokens", info.contextTokens());
        node.put("device", info.device());
        node.put("compute", compute(info));
        ModelInfo.Memory m = info.memory();
        node.putObject("memory_bytes")
                .put("weights", m.weights())
                .put("decode_workspace", m.decodeWorkspace())
                .put("prompt_workspace", m.promptWorkspace())
                .put("vision_workspace", m.visionWorkspace())
                .put("tile_features", m.tileFeatures())
                .put("cache_per_token", m.cachePerToken())
                .put("cache_for_context", m.cacheForContext())
                .put("together", m.total());
        node.put("cache_type", m.cacheType() == null ? null : m.cacheType().lowerName());
        return node;
    }
}
