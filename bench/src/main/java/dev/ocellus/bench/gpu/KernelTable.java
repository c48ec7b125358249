package dev.ocellus.bench.gpu;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.config.JsonFile;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * The kernels' times in JSON and Markdown, written anew after each case. Keeps the cases that an
 * earlier run left in the file. For one thread.
 */
final class KernelTable {
    private static final String CASES = "cases";

    private final Path json;
    private final Path markdown;
    private final ObjectNode root;

    /**
     * @param name of the files, without what follows the point
     * @param heading what was measured
     */
    KernelTable(Path folder, String name, String heading) {
        json = folder.resolve(name + ".json");
        markdown = folder.resolve(name + ".md");
        root =
                Files.exists(json) && JsonFile.read(json) instanceof ObjectNode old
                        ? old
                        : JsonNodeFactory.instance.objectNode();
        root.put("heading", heading);
    }

    /** Takes the rows of a case. */
    void put(GpuCase work, List<KernelRow> rows, GpuLimits limits) {
        ObjectNode node = root.withObject("/" + CASES).putObject(work.id());
        node.put("work", work.text());
        ArrayNode all = node.putArray("rows");
        for (KernelRow r : rows) {
            all.addObject()
                    .put("operations", r.operations())
                    .put("shape", r.shape())
                    .put("weights", r.weights())
                    .put("layers", r.layers())
                    .put("microseconds", r.seconds() * 1e6)
                    .put("bytes", r.cost().bytes())
                    .put("flops", r.cost().flops())
                    .put("gigabytes_per_second", r.cost().bytes() / r.seconds() / 1e9)
                    .put("tflops_per_second", r.cost().flops() / r.seconds() / 1e12)
                    .put("ceiling_gigabytes_per_second", limits.bytesPerSecond() / 1e9)
                    .put("ceiling_tflops_per_second", r.flopsPerSecond() / 1e12)
                    .put("share", r.share());
        }
        write();
    }

    private void write() {
        JsonFile.write(json, root);
        try {
            Files.writeString(markdown, text());
        } catch (IOException e) {
            throw new UncheckedIOException(markdown + " cannot be written", e);
        }
    }

    private String text() {
        StringBuilder out = new StringBuilder("# Single kernels on a GPU\n\n");
        out.append(root.path("heading").asText()).append("\n\n");
        out.append(
                "Times are those of the GPU's events, of graphs that run the same step of all layers in turn: ");
        out.append(
                "the mean of a layer, with the gaps between launches. The share is that of the nearer ceiling.\n");
        for (JsonNode c : root.path(CASES)) {
            out.append("\n## ").append(c.path("work").asText()).append("\n\n");
            out.append(
                    "| work | shape | weights | layers | µs | MB | GFLOP | GB/s | TFLOP/s | share |\n");
            out.append("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
            for (JsonNode r : c.path("rows")) {
                out.append(
                        String.format(
                                Locale.ROOT,
                                "| %s | %s | %s | %d | %.2f | %.2f | %.2f | %.0f | %.1f | %.0f %% |%n",
                                r.path("operations").asText(),
                                r.path("shape").asText(),
                                r.path("weights").asText(),
                                r.path("layers").asInt(),
                                r.path("microseconds").asDouble(),
                                r.path("bytes").asDouble() / 1e6,
                                r.path("flops").asDouble() / 1e9,
                                r.path("gigabytes_per_second").asDouble(),
                                r.path("tflops_per_second").asDouble(),
                                100 * r.path("share").asDouble()));
            }
        }
        return out.toString();
    }
}
