package dev.ocellus.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.loader.safetensors.SafetensorsException;
import dev.ocellus.loader.safetensors.SafetensorsFile;
import dev.ocellus.loader.safetensors.SafetensorsWriter;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.loader.safetensors.TensorSource;
import dev.ocellus.loader.safetensors.TensorSpec;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

class CheckpointWriterTest {
    @TempDir Path folder;

    private static final List<TensorSpec> TENSORS =
            List.of(spec("a", 10), spec("b", 10), spec("c", 30), spec("d", 1), spec("e", 0));

    /** Byte i of a tensor is the length of its name plus i. */
    private static final TensorSource SOURCE =
            (tensor, offset, destination) -> {
                for (long i = 0; i < destination.byteSize(); i++) {
                    destination.set(ValueLayout.JAVA_BYTE, i, value(tensor, offset + i));
                }
            };

    @Test
    void everythingInOneFileIfItFits() throws IOException {
        CheckpointWriter.write(folder, TENSORS, 51, SOURCE);
        assertFolderHolds("model.safetensors");
        assertContent();
    }

    @Test
    void shardsKeepTheirLimitAndTheIndexNamesThem() throws IOException {
        CheckpointWriter.write(folder, TENSORS, 20, SOURCE);
        assertFolderHolds(
                "model-00001-of-00003.safetensors",
                "model-00002-of-00003.safetensors",
                "model-00003-of-00003.safetensors",
                "model.safetensors.index.json");
        assertContent();
    }

    @Test
    void ofAWriteThatFailsNoShardStays() throws IOException {
        TensorSource failing =
                (tensor, offset, destination) -> {
                    if (tensor.name().equals("d")) {
                        throw new IllegalStateException("the source ran dry");
                    }
                };
        assertThatThrownBy(() -> CheckpointWriter.write(folder, TENSORS, 20, failing))
                .hasMessageContaining("the source ran dry");
        assertFolderHolds();
    }

    @Test
    void folderWithWeightsIsNotOverwritten() {
        CheckpointWriter.write(folder, TENSORS, 100, SOURCE);
        assertThatThrownBy(() -> CheckpointWriter.write(folder, TENSORS, 20, SOURCE))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("has weights already");
    }

    @Test
    void dataBeginsAligned() throws IOException {
        Path file = folder.resolve("x.safetensors");
        for (int name = 1; name < 70; name++) {
            TensorSpec tensor = spec("n".repeat(name), 3);
            SafetensorsWriter.write(file, Map.of(), List.of(tensor), SOURCE);
            byte[] bytes = Files.readAllBytes(file);
            long header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
            assertThat((8 + header) % 64).isZero();
            assertThat(bytes.length).isEqualTo((int) (8 + header + 3));
        }
    }

    @Test
    void tensorsLargerThanTheBufferAreWrittenInParts() {
        Path file = folder.resolve("x.safetensors");
        TensorSpec tensor = spec("w", (8 << 20) * 2 + 77);
        SafetensorsWriter.write(file, Map.of(), List.of(spec("odd", 5), tensor), SOURCE);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            byte[] bytes = new byte[Math.toIntExact(tensor.byteSize())];
            read.tensors().get(1).copyTo(0, MemorySegment.ofArray(bytes));
            for (int i = 0; i < bytes.length; i++) {
                if (bytes[i] != value(tensor, i)) {
                    assertThat(bytes[i]).as("byte %d", i).isEqualTo(value(tensor, i));
                }
            }
        }
    }

    @Test
    void zerosBecomeAHole() {
        Path file = folder.resolve("x.safetensors");
        TensorSpec tensor = new TensorSpec("w", DType.BF16, Shape.of(5_000_000_000L));
        SafetensorsWriter.write(file, Map.of(), List.of(tensor), TensorSource.ZEROS);
        assertThat(file.toFile().length()).isGreaterThan(10_000_000_000L);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            byte[] end = {1, 1};
            read.tensors().getFirst().copyTo(9_999_999_998L, MemorySegment.ofArray(end));
            assertThat(end).containsOnly(0);
        }
    }

    @Test
    void failureLeavesTheOldFileAndNoOther() throws IOException {
        Path file = folder.resolve("x.safetensors");
        SafetensorsWriter.write(file, Map.of(), TENSORS, SOURCE);
        byte[] before = Files.readAllBytes(file);
        TensorSource failing =
                (tensor, offset, destination) -> {
                    throw new IllegalStateException("no more");
                };
        assertThatThrownBy(() -> SafetensorsWriter.write(file, Map.of(), TENSORS, failing))
                .hasMessage("no more");
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
        assertFolderHolds("x.safetensors");
    }

    @Test
    void unwritableTargetIsATypedError() {
        Path file = folder.resolve("none").resolve("x.safetensors");
        assertThatThrownBy(() -> SafetensorsWriter.write(file, Map.of(), TENSORS, SOURCE))
                .isInstanceOfSatisfying(
                        SafetensorsException.class,
                        e -> assertThat(e.rule()).isEqualTo(SafetensorsException.Rule.IO))
                .hasMessageContaining("can't be written");
    }

    @Test
    void equalNamesAreRefused() {
        assertThatThrownBy(
                        () ->
                                SafetensorsWriter.write(
                                        folder.resolve("x"),
                                        Map.of(),
                                        List.of(spec("a", 1), spec("a", 2)),
                                        SOURCE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("'a'");
    }

    private void assertContent() {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.tensors())
                    .extracting(StoredTensor::spec)
                    .containsExactlyInAnyOrderElementsOf(TENSORS);
            for (StoredTensor tensor : checkpoint.tensors()) {
                byte[] bytes = new byte[(int) tensor.byteSize()];
                tensor.copyTo(0, MemorySegment.ofArray(bytes));
                for (int i = 0; i < bytes.length; i++) {
                    assertThat(bytes[i]).isEqualTo(value(tensor.spec(), i));
                }
            }
        }
    }

    private void assertFolderHolds(String... names) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder(names);
        }
    }

    private static byte value(TensorSpec tensor, long i) {
        return (byte) (tensor.name().charAt(0) + i * 31 + (i >> 20));
    }

    private static TensorSpec spec(String name, long bytes) {
        return new TensorSpec(name, DType.U8, Shape.of(bytes));
    }
}
