package dev.ocellus.loader;

import static dev.ocellus.loader.safetensors.RawFiles.counting;
import static dev.ocellus.loader.safetensors.RawFiles.entry;
import static dev.ocellus.loader.safetensors.RawFiles.header;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.loader.safetensors.RawFiles;
import dev.ocellus.loader.safetensors.SafetensorsException;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

class CheckpointTest {
    @TempDir Path folder;

    @Test
    void singleFileWithConfig() throws IOException {
        writeWeights("model.safetensors", "a", "b");
        write("config.json", "{\"hidden_size\": 4}");
        write("preprocessor_config.json", "{\"size\": 448}");
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.names()).containsExactly("a", "b");
            assertThat(checkpoint.config().getInt("hidden_size")).isEqualTo(4);
            assertThat(
                            checkpoint
                                    .json("preprocessor_config.json")
                                    .orElseThrow()
                                    .get("size")
                                    .intValue())
                    .isEqualTo(448);
            assertThat(checkpoint.json("none.json")).isEmpty();
        }
    }

    @Test
    void totalsCountEveryFile() {
        RawFiles.write(
                folder.resolve("model.safetensors"),
                header(
                        entry("a", "F32", "[2,3]", 0, 24),
                        entry("b", "BF16", "[5]", 24, 34),
                        entry("c", "BF16", "[]", 34, 36)),
                counting(36));
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.parameterCount()).isEqualTo(12);
            assertThat(checkpoint.byteSize()).isEqualTo(36);
            assertThat(checkpoint.parametersByDType())
                    .isEqualTo(Map.of(DType.F32, 6L, DType.BF16, 6L));
        }
    }

    @Test
    void shardsAreOneCheckpoint() throws IOException {
        writeWeights("model-1.safetensors", "a", "b");
        writeWeights("model-2.safetensors", "c");
        writeIndex(
                "a", "model-1.safetensors", "b", "model-1.safetensors", "c", "model-2.safetensors");
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.names()).containsExactly("a", "b", "c");
            assertThat(checkpoint.files()).hasSize(2);
            assertThat(checkpoint.weights().get("c").file()).hasFileName("model-2.safetensors");
        }
        try (Checkpoint byIndex = Checkpoint.open(folder.resolve(ShardIndex.FILE_NAME))) {
            assertThat(byIndex.names()).containsExactly("a", "b", "c");
        }
    }

    @Test
    void linkedFilesAreFollowed() throws IOException {
        Path blobs = Files.createDirectory(folder.resolve("blobs"));
        Path snapshot = Files.createDirectory(folder.resolve("snapshot"));
        RawFiles.write(blobs.resolve("0123"), header(entry("a", "U8", "[1]", 0, 1)), counting(1));
        Files.createSymbolicLink(snapshot.resolve("shard.safetensors"), Path.of("../blobs/0123"));
        Files.writeString(
                snapshot.resolve(ShardIndex.FILE_NAME),
                "{\"weight_map\":{\"a\":\"shard.safetensors\"}}");
        try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
            assertThat(checkpoint.names()).containsExactly("a");
        }
    }

    @Test
    void absentShardIsNamed() throws IOException {
        writeWeights("model-1.safetensors", "a");
        writeIndex("a", "model-1.safetensors", "b", "model-2.safetensors");
        assertRefused(folder, "1 of 2 shards are not in the folder: model-2.safetensors");
    }

    @Test
    void tensorInTwoShardsIsNamed() throws IOException {
        writeWeights("model-1.safetensors", "a", "b");
        writeWeights("model-2.safetensors", "b", "c");
        writeIndex("a", "model-1.safetensors", "b", "model-2.safetensors");
        assertRefused(folder, "tensor 'b' is in two shards");
    }

    @Test
    void tensorThatIsNotInItsShardIsNamed() throws IOException {
        writeWeights("model-1.safetensors", "a");
        writeWeights("model-2.safetensors", "b");
        writeIndex(
                "a", "model-1.safetensors", "b", "model-1.safetensors", "x", "model-2.safetensors");
        assertRefused(folder, "tensor 'b' is not in its shard model-1.safetensors");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../x.safetensors",
                "/etc/x.safetensors",
                "..",
                "",
                "sub/x",
                "C:x",
                "a\\\\b"
            })
    void shardNameOutsideTheFolderIsRefused(String name) throws IOException {
        writeIndex("a", name);
        assertRefused(folder, "tensor 'a' is mapped to");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{}", "[]", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":1}}", "{", ""})
    void brokenIndexIsRefused(String json) throws IOException {
        write(ShardIndex.FILE_NAME, json);
        assertRefused(folder, ShardIndex.FILE_NAME);
    }

    @Test
    void missingConfigSaysWhatAFolderHolds() {
        writeWeights("model.safetensors", "a");
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThatThrownBy(checkpoint::config)
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("has no config.json")
                    .hasMessageContaining("a checkpoint folder holds config.json and");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"{", "", "{} {}", "{\"a\" 1}", "nonsense"})
    void invalidJsonIsATypedError(String json) throws IOException {
        writeWeights("model.safetensors", "a");
        write("generation_config.json", json);
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThatThrownBy(() -> checkpoint.json("generation_config.json"))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("generation_config.json: not valid JSON")
                    .message()
                    .doesNotContain("\n");
        }
    }

    @Test
    void foldersWithoutReadableWeightsSayWhatIsThere() throws IOException {
        assertRefused(folder, "holds no weights; a checkpoint folder holds");
        write("pytorch_model.bin", "x");
        assertRefused(folder, "holds only PyTorch weights (pytorch_model.bin)");
        writeWeights("adapter.safetensors", "a");
        assertRefused(folder, "open one of its files by name: adapter.safetensors");
        assertRefused(folder.resolve("pytorch_model.bin"), "PyTorch files are not read");
        assertRefused(folder.resolve("none"), "does not exist");
    }

    @Test
    void textFileIsRefusedInOneLine() throws IOException {
        Path text = write("notes.txt", "These are notes.\nNot a model.\n");
        assertRefused(text, "notes.txt: is not a safetensors file");
    }

    @Test
    void fileGivenDirectlyIsRead() throws IOException {
        writeWeights("other.safetensors", "a");
        write("config.json", "{}");
        try (Checkpoint checkpoint = Checkpoint.open(folder.resolve("other.safetensors"))) {
            assertThat(checkpoint.names()).containsExactly("a");
            assertThat(checkpoint.config().has("x")).isFalse();
        }
        write("broken.safetensors", "These are notes.\n");
        assertThatThrownBy(() -> Checkpoint.open(folder.resolve("broken.safetensors")))
                .isInstanceOf(SafetensorsException.class);
    }

    @Test
    void closingEndsAccess() {
        writeWeights("model.safetensors", "a");
        Checkpoint checkpoint = Checkpoint.open(folder);
        StoredTensor a = checkpoint.weights().get("a");
        checkpoint.close();
        assertThatThrownBy(() -> a.copyTo(0, java.lang.foreign.MemorySegment.ofArray(new byte[1])))
                .isInstanceOf(IllegalStateException.class);
    }

    private static void assertRefused(Path path, String message) {
        assertThatThrownBy(() -> Checkpoint.open(path).close())
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(message)
                .message()
                .doesNotContain("\n");
    }

    private void writeWeights(String file, String... names) {
        String[] entries = new String[names.length];
        for (int i = 0; i < names.length; i++) {
            entries[i] = entry(names[i], "U8", "[1]", i, i + 1);
        }
        RawFiles.write(folder.resolve(file), header(entries), counting(names.length));
    }

    private void writeIndex(String... tensorsAndFiles) throws IOException {
        StringBuilder map = new StringBuilder();
        for (int i = 0; i < tensorsAndFiles.length; i += 2) {
            map.append(i == 0 ? "" : ",")
                    .append("\"%s\":\"%s\"".formatted(tensorsAndFiles[i], tensorsAndFiles[i + 1]));
        }
        write(ShardIndex.FILE_NAME, "{\"weight_map\":{" + map + "}}");
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }
}
