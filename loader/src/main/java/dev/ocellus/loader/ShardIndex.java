package dev.ocellus.loader;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.loader.safetensors.SafetensorsFile;
import dev.ocellus.loader.safetensors.StoredTensor;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The index of a sharded checkpoint: which file of its folder holds which tensor.
 *
 * @param shardOf file name by tensor name, in the order of the index
 */
record ShardIndex(Path file, Map<String, String> shardOf) {
    static final String FILE_NAME = "model.safetensors.index.json";

    static ShardIndex read(Path file) {
        JsonNode root = JsonFile.read(file);
        JsonNode map = root.path("weight_map");
        if (!map.isObject()) {
            throw new CheckpointException(file + ": weight_map is missing or not a JSON object");
        }
        Map<String, String> shardOf = new LinkedHashMap<>();
        map.properties()
                .forEach(
                        entry ->
                                shardOf.put(
                                        entry.getKey(),
                                        shardName(file, entry.getKey(), entry.getValue())));
        return new ShardIndex(file, shardOf);
    }

    /** Links are followed, since download caches are made of them, but names stay in the folder. */
    private static String shardName(Path file, String tensor, JsonNode value) {
        String name = value.textValue();
        if (name == null) {
            throw new CheckpointException(
                    "%s: tensor '%s' is mapped to %s, not to a file name"
                            .formatted(file, tensor, value.getNodeType()));
        }
        boolean plain =
                !name.isEmpty()
                        && !name.equals(".")
                        && !name.equals("..")
                        && name.chars()
                                .noneMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ');
        if (!plain) {
            throw new CheckpointException(
                    ("%s: tensor '%s' is mapped to '%s', which is not the name of "
                                    + "a file in the same folder")
                            .formatted(file, tensor, name));
        }
        return name;
    }

    /** The shards, each once, in the order of the index. */
    List<Path> shards() {
        return shardOf.values().stream().distinct().map(file::resolveSibling).toList();
    }

    /** Called before any shard is opened, so that an incomplete download is named as such. */
    void checkShardsExist() {
        List<String> absent =
                shards().stream()
                        .filter(shard -> !Files.exists(shard))
                        .map(shard -> shard.getFileName().toString())
                        .toList();
        if (!absent.isEmpty()) {
            throw new CheckpointException(
                    "%s: %d of %d shards are not in the folder: %s"
                            .formatted(
                                    file,
                                    absent.size(),
                                    shards().size(),
                                    String.join(", ", absent)));
        }
    }

    /** Checks that the opened shards hold every tensor exactly once and where the index says. */
    void check(List<SafetensorsFile> opened) {
        Map<String, String> found = new HashMap<>();
        for (SafetensorsFile shard : opened) {
            String name = shard.path().getFileName().toString();
            for (StoredTensor tensor : shard.tensors()) {
                String other = found.put(tensor.name(), name);
                if (other != null) {
                    throw new CheckpointException(
                            "%s: tensor '%s' is in two shards, %s and %s"
                                    .formatted(file, tensor.name(), other, name));
                }
            }
        }
        shardOf.forEach(
                (tensor, shard) -> {
                    if (!shard.equals(found.get(tensor))) {
                        throw new CheckpointException(
                                "%s: tensor '%s' is not in its shard %s"
                                        .formatted(file, tensor, shard));
                    }
                });
    }
}
