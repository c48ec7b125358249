package dev.ocellus.loader.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.kernels.Panels;
import dev.ocellus.loader.safetensors.SafetensorsException.Rule;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Every rule of packed matrices in files. */
class StoredPanelsTest {
    private static final TensorSpec MATRIX = new TensorSpec("w", DType.Q8, Shape.of(17, 65));

    @TempDir private Path folder;

    private Path write(Map<String, String> metadata) {
        Path file = folder.resolve("model.safetensors");
        List<TensorSpec> tensors =
                List.of(
                        StoredPanels.stored(MATRIX),
                        new TensorSpec("norm", DType.F32, Shape.of(4)));
        SafetensorsWriter.write(file, metadata, tensors, TensorSource.ZEROS);
        return file;
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "Q8", "Q4", "F8"})
    void everyTypeTakesItsPanels(DType type) {
        TensorSpec stored = StoredPanels.stored(new TensorSpec("w", type, Shape.of(33, 7)));

        assertThat(stored.dtype()).isEqualTo(DType.U8);
        assertThat(stored.shape()).isEqualTo(Shape.of(3, Panels.panelBytes(type, 7)));
        assertThat(stored.byteSize()).isEqualTo(Panels.bytes(type, 33, 7));
    }

    @Test
    void matricesAreWhatTheMetadataSays() {
        try (SafetensorsFile file =
                SafetensorsFile.open(write(StoredPanels.metadata(List.of(MATRIX))))) {
            StoredTensor w = file.tensors().getFirst();
            assertThat(w.spec()).isEqualTo(MATRIX);
            assertThat(w.isPanels()).isTrue();
            assertThat(w.kernelType()).isEqualTo(DType.Q8);
            assertThat(w.byteSize()).isEqualTo(2 * 2 * 1088);
            assertThat(file.tensors().get(1).isPanels()).isFalse();
            assertThatThrownBy(() -> w.packedAs(DType.Q4))
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void withoutMetadataTheyAreBytes() {
        try (SafetensorsFile file = SafetensorsFile.open(write(Map.of("format", "pt")))) {
            assertThat(file.tensors().getFirst().dtype()).isEqualTo(DType.U8);
            assertThat(StoredPanels.metadata(List.of())).isEmpty();
        }
    }

    @Test
    void anotherVersionIsRefused() {
        Map<String, String> metadata = new HashMap<>(StoredPanels.metadata(List.of(MATRIX)));
        metadata.put(StoredPanels.VERSION_KEY, "2");

        assertRefused(metadata, "packed in version 2 of the layout, 1 is read here");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[1] | is not a JSON object",
                "{ | not valid JSON",
                "{\"w\":{\"type\":\"Q7\",\"shape\":[17,65]}} | must have a type",
                "{\"w\":{\"type\":\"I8\",\"shape\":[17,65]}} | must have a type",
                "{\"w\":{\"type\":\"Q8\",\"shape\":[17]}} | must have a type",
                "{\"w\":{\"type\":\"Q8\",\"shape\":[17,65,1]}} | must have a type",
                "{\"w\":{\"type\":\"Q8\",\"shape\":[-1,65]}} | must have a type",
                "{\"w\":{\"type\":\"Q8\",\"shape\":[1.5,65]}} | must have a type",
                "{\"w\":7} | must have a type",
                "{\"w\":{\"type\":\"Q8\",\"shape\":[1099511627775,1099511627775]}} | too large",
                "{\"w\":{\"type\":\"Q4\",\"shape\":[17,65]}} | takes U8 [2, 1152], the file has U8 [2, 2176]",
                "{\"w\":{\"type\":\"Q8\",\"shape\":[33,65]}} | takes U8 [3, 2176]",
                "{\"norm\":{\"type\":\"Q8\",\"shape\":[1,1]}} | the file has F32 [4]",
                "{\"v\":{\"type\":\"Q8\",\"shape\":[17,65]}} | the file has no such tensor",
            })
    void metadataThatDoesNotFitIsRefused(String matrices, String message) {
        assertRefused(
                Map.of(StoredPanels.VERSION_KEY, "1", StoredPanels.MATRICES_KEY, matrices),
                message);
    }

    private void assertRefused(Map<String, String> metadata, String message) {
        Path file = write(metadata);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(SafetensorsException.class)
                .hasMessageContaining(message)
                .hasMessageStartingWith(file.toString())
                .extracting(e -> ((SafetensorsException) e).rule())
                .isEqualTo(Rule.PANELS);
    }
}
