package dev.ocellus.loader;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.loader.safetensors.SafetensorsWriter;
import dev.ocellus.loader.safetensors.StoredPanels;
import dev.ocellus.loader.safetensors.TensorSource;
import dev.ocellus.loader.safetensors.TensorSpec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Writes the weights of a checkpoint folder: one file, or shards and their index. */
public final class CheckpointWriter {
    /** As in the headers of published files; readers outside look for it. */
    private static final Map<String, String> FORMAT = Map.of("format", "pt");

    private CheckpointWriter() {}

    /** As the other, with no packed matrices. */
    public static void write(
            Path folder, List<TensorSpec> tensors, long maxShardBytes, TensorSource source) {
        write(folder, tensors, Map.of(), maxShardBytes, source);
    }

    /**
     * Writes {@code model.safetensors}, or shards of at most {@code maxShardBytes} of tensors each
     * (a larger tensor gets a shard of its own). The index comes last, so a folder is complete when
     * it has one; of a write that fails or is interrupted no file stays.
     *
     * @param tensors as they are stored
     * @param matrices by name those tensors that hold packed matrices, as what they are
     * @throws CheckpointException if the folder already has weights or can't be written
     */
    public static void write(
            Path folder,
            List<TensorSpec> tensors,
            Map<String, TensorSpec> matrices,
            long maxShardBytes,
            TensorSource source) {
        Path single = folder.resolve("model.safetensors");
        Path index = folder.resolve(ShardIndex.FILE_NAME);
        if (Files.exists(single) || Files.exists(index)) {
            throw new CheckpointException(folder + ": has weights already; choose another folder");
        }
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new CheckpointException(folder + ": can't be created: " + e, e);
        }
        List<List<TensorSpec>> shards = split(tensors, maxShardBytes);
        if (shards.size() == 1) {
            SafetensorsWriter.write(single, metadata(tensors, matrices), tensors, source);
            return;
        }
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.putObject("metadata")
                .put("total_size", tensors.stream().mapToLong(TensorSpec::byteSize).sum());
        ObjectNode weightMap = root.putObject("weight_map");
        try (UnfinishedFiles unfinished = new UnfinishedFiles()) {
            for (int i = 0; i < shards.size(); i++) {
                String name = "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
                unfinished.add(folder.resolve(name));
                List<TensorSpec> shard = shards.get(i);
                SafetensorsWriter.write(
                        folder.resolve(name), metadata(shard, matrices), shard, source);
                shard.forEach(tensor -> weightMap.put(tensor.name(), name));
            }
            JsonFile.write(index, root);
            unfinished.keep();
        }
    }

    private static Map<String, String> metadata(
            List<TensorSpec> tensors, Map<String, TensorSpec> matrices) {
        Map<String, String> metadata = new LinkedHashMap<>(FORMAT);
        metadata.putAll(
                StoredPanels.metadata(
                        tensors.stream()
                                .map(t -> matrices.get(t.name()))
                                .filter(Objects::nonNull)
                                .toList()));
        return metadata;
    }

    private static List<List<TensorSpec>> split(List<TensorSpec> tensors, long maxShardBytes) {
        List<List<TensorSpec>> shards = new ArrayList<>();
        List<TensorSpec> shard = new ArrayList<>();
        long bytes = 0;
        for (TensorSpec tensor : tensors) {
            if (!shard.isEmpty() && bytes + tensor.byteSize() > maxShardBytes) {
                shards.add(shard);
                shard = new ArrayList<>();
                bytes = 0;
            }
            shard.add(tensor);
            bytes += tensor.byteSize();
        }
        shards.add(shard);
        return shards;
    }
}
