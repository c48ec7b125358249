package dev.ocellus.bench.gpu;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.loader.config.JsonFile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What {@code bench/gpu} measured on GPUs, from its files.
 *
 * @param rows of the files by the GPU's name as its driver gives it
 */
record Measurements(Map<String, JsonNode> rows) {

    /** Of a folder, which may not exist. */
    static Measurements read(Path folder) throws IOException {
        Map<String, JsonNode> rows = new TreeMap<>();
        if (Files.isDirectory(folder)) {
            for (Path file : files(folder)) {
                JsonNode root = JsonFile.read(file);
                String gpu = root.path("machine").path(GpuTable.GPU).asText();
                if (!gpu.isEmpty()) {
                    rows.put(gpu, root.path("rows"));
                }
            }
        }
        return new Measurements(rows);
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(f -> f.getFileName().toString().matches("gpu-.*\\.json"))
                    .sorted()
                    .toList();
        }
    }

    /** The name of a measured GPU of that kind. */
    Optional<String> of(GpuSpec gpu) {
        return rows.keySet().stream()
                .filter(n -> GpuSpec.of(n).filter(gpu::equals).isPresent())
                .findFirst();
    }

    /** Tokens or tiles a second of a case. */
    OptionalDouble unitsPerSecond(String gpu, GpuCase work) {
        double ours = rows.get(gpu).path(work.id()).path("ours").asDouble();
        return ours > 0 ? OptionalDouble.of(ours) : OptionalDouble.empty();
    }
}
