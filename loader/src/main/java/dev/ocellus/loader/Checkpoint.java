package dev.ocellus.loader;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.loader.safetensors.SafetensorsException;
import dev.ocellus.loader.safetensors.SafetensorsFile;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.tensor.DType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * An open checkpoint: a folder with {@code model.safetensors}, or with shards and {@code
 * model.safetensors.index.json}, and the JSON files beside them; or one {@code .safetensors} file.
 * If a folder has both, the single file counts.
 *
 * <p>Tensors stay valid until it is closed. Thread-safe.
 */
public final class Checkpoint implements AutoCloseable {
    private static final String CONTENT =
            "a checkpoint folder holds config.json and model.safetensors, or shards and "
                    + ShardIndex.FILE_NAME;

    private final Path folder;
    private final List<SafetensorsFile> files;
    private final List<StoredTensor> tensors;
    private final Weights weights;

    private Checkpoint(Path location, Path folder, List<SafetensorsFile> files) {
        this.folder = folder;
        this.files = List.copyOf(files);
        this.tensors = files.stream().flatMap(file -> file.tensors().stream()).toList();
        this.weights = Weights.of(location.toString(), tensors);
    }

    private Checkpoint(Checkpoint stored, WeightTypes types) {
        this.folder = stored.folder;
        this.files = stored.files;
        this.tensors =
                stored.tensors.stream()
                        .map(t -> types.typeOf(t).map(t::packedAs).orElse(t))
                        .toList();
        this.weights = Weights.of(stored.weights.toString(), tensors);
    }

    /**
     * @param path a checkpoint folder, a {@code .safetensors} file or a {@code
     *     .safetensors.index.json} file
     * @throws CheckpointException if there is nothing there that can be read as a checkpoint
     */
    public static Checkpoint open(Path path) {
        if (Files.isDirectory(path)) {
            return openFolder(path);
        }
        if (!Files.exists(path)) {
            throw new CheckpointException(path + ": does not exist; " + CONTENT);
        }
        String name = path.getFileName().toString();
        Path folder = path.toAbsolutePath().getParent();
        if (name.endsWith(".safetensors.index.json")) {
            return openShards(path, folder, ShardIndex.read(path));
        }
        if (isPyTorch(name)) {
            throw new CheckpointException(path + ": PyTorch files are not read, only safetensors");
        }
        try {
            return new Checkpoint(path, folder, List.of(SafetensorsFile.open(path)));
        } catch (SafetensorsException e) {
            if (name.endsWith(".safetensors")) {
                throw e;
            }
            throw new CheckpointException(path + ": is not a safetensors file; " + CONTENT, e);
        }
    }

    private static Checkpoint openFolder(Path folder) {
        Path single = folder.resolve("model.safetensors");
        if (Files.exists(single)) {
            return new Checkpoint(folder, folder, List.of(SafetensorsFile.open(single)));
        }
        Path index = folder.resolve(ShardIndex.FILE_NAME);
        if (Files.exists(index)) {
            return openShards(folder, folder, ShardIndex.read(index));
        }
        throw noWeights(folder);
    }

    private static Checkpoint openShards(Path location, Path folder, ShardIndex index) {
        index.checkShardsExist();
        List<SafetensorsFile> opened = new ArrayList<>();
        try {
            for (Path shard : index.shards()) {
                opened.add(SafetensorsFile.open(shard));
            }
            index.check(opened);
        } catch (RuntimeException e) {
            opened.forEach(SafetensorsFile::close);
            throw e;
        }
        return new Checkpoint(location, folder, opened);
    }

    private static CheckpointException noWeights(Path folder) {
        List<String> names;
        try (Stream<Path> children = Files.list(folder)) {
            names = children.map(child -> child.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            return new CheckpointException(folder + ": can't be listed: " + e, e);
        }
        List<String> safetensors = names.stream().filter(n -> n.endsWith(".safetensors")).toList();
        if (!safetensors.isEmpty()) {
            return new CheckpointException(
                    "%s: has no model.safetensors and no %s; open one of its files by name: %s"
                            .formatted(
                                    folder, ShardIndex.FILE_NAME, String.join(", ", safetensors)));
        }
        Optional<String> pyTorch = names.stream().filter(Checkpoint::isPyTorch).findFirst();
        if (pyTorch.isPresent()) {
            return new CheckpointException(
                    ("%s: holds only PyTorch weights (%s), which are not read; "
                                    + "use the safetensors files of the model")
                            .formatted(folder, pyTorch.get()));
        }
        return new CheckpointException(folder + ": holds no weights; " + CONTENT);
    }

    private static boolean isPyTorch(String name) {
        return name.endsWith(".bin") || name.endsWith(".pth") || name.endsWith(".pt");
    }

    /**
     * Opens a checkpoint whose matrices are to be packed in the types of a choice.
     *
     * @throws CheckpointException also if its weights are packed already
     */
    public static Checkpoint open(Path path, WeightTypes types) {
        Checkpoint c = open(path);
        if (types.rules().isEmpty()) {
            return c;
        }
        Optional<StoredTensor> packed =
                c.tensors.stream().filter(StoredTensor::isPanels).findFirst();
        if (packed.isPresent()) {
            c.close();
            throw new CheckpointException(
                    "%s: its weights are packed already ('%s' as %s); open it without a choice of types, or the original with one"
                            .formatted(
                                    path, packed.get().name(), packed.get().dtype().lowerName()));
        }
        return new Checkpoint(c, types);
    }

    /** The folder of the JSON files. */
    public Path folder() {
        return folder;
    }

    /**
     * {@code config.json}.
     *
     * @throws CheckpointException if it is missing or not a JSON object
     */
    public Json config() {
        String name = "config.json";
        JsonNode node =
                json(name)
                        .orElseThrow(
                                () ->
                                        new CheckpointException(
                                                folder + ": has no config.json; " + CONTENT));
        return Json.of(name, node);
    }

    /**
     * Another JSON file of the folder; empty if there is none.
     *
     * @throws CheckpointException if it is there and not valid JSON
     */
    public Optional<JsonNode> json(String fileName) {
        Path file = folder.resolve(fileName);
        return Files.exists(file) ? Optional.of(JsonFile.read(file)) : Optional.empty();
    }

    /** All tensors, by name. */
    public Weights weights() {
        return weights;
    }

    /** All tensors, file after file in the order of their bytes. */
    public List<StoredTensor> tensors() {
        return tensors;
    }

    /** The weight files. */
    public List<Path> files() {
        return files.stream().map(SafetensorsFile::path).toList();
    }

    /** Names of all tensors, sorted. */
    public List<String> names() {
        return weights.names();
    }

    /** Elements of all tensors. */
    public long parameterCount() {
        return tensors.stream().mapToLong(StoredTensor::elements).sum();
    }

    /** Elements by dtype, for the dtypes that occur. */
    public Map<DType, Long> parametersByDType() {
        return tensors.stream()
                .collect(
                        Collectors.groupingBy(
                                StoredTensor::dtype,
                                () -> new EnumMap<>(DType.class),
                                Collectors.summingLong(StoredTensor::elements)));
    }

    /** Bytes of all tensors. */
    public long byteSize() {
        return tensors.stream().mapToLong(StoredTensor::byteSize).sum();
    }

    /**
     * Gives the memory of all file pages back to the system, once what is needed is copied
     * elsewhere; they are read from the files again when needed.
     */
    public void releasePages() {
        files.forEach(SafetensorsFile::releasePages);
    }

    /** Closes the files; tensors can't be copied from then on. */
    @Override
    public void close() {
        files.forEach(SafetensorsFile::close);
    }
}
