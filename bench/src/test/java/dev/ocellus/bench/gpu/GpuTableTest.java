package dev.ocellus.bench.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.bench.table.Row;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.loader.config.JsonFile;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

class GpuTableTest {
    @TempDir private Path folder;

    @BeforeEach
    void gpu() {
        SoftGpu.requireSoftware();
    }

    private Path results() {
        return folder.resolve("results");
    }

    private void run(String... arguments) throws IOException {
        List<String> all = new ArrayList<>(List.of("--small", "--results", results().toString()));
        all.addAll(List.of("--work", folder.resolve("models").toString()));
        all.addAll(List.of(arguments));
        GpuTable.run(GpuSetup.of(all));
    }

    private Path file(String end) throws IOException {
        try (Stream<Path> files = Files.list(results())) {
            return files.filter(f -> f.toString().endsWith(end)).findFirst().orElseThrow();
        }
    }

    private JsonNode row(String id) throws IOException {
        return JsonFile.read(file("gpu.json")).path("rows").path(id);
    }

    @Test
    void rowsAndTheirKernelsAreMeasuredAndKept() throws IOException {
        Files.createDirectories(folder.resolve("models/llama-7b"));
        run("decode-7b-q8");
        assertThat(row("decode-7b-q8").path("ratio").asDouble()).isPositive();
        JsonNode kernels = JsonFile.read(file("kernels.json")).at("/cases/decode-7b-q8/rows");
        assertThat(kernels)
                .anyMatch(
                        r ->
                                r.path("operations").asText().equals("paged attention")
                                        && r.path("layers").asInt() == 2)
                .allMatch(r -> r.path("microseconds").asDouble() > 0);
        assertThat(folder.resolve("models/llama-7b")).exists();
        assertThat(folder.resolve("models")).isDirectoryNotContaining("glob:**bench-gpu*");

        double before = row("decode-7b-q8").path("ours").asDouble();
        run("--resume", "decode-7b-q8", "vit-300m");
        assertThat(row("decode-7b-q8").path("ours").asDouble()).isEqualTo(before);
        assertThat(row("vit-300m").path("ratio").asDouble()).isPositive();
        assertThat(Files.readString(file("kernels.md"))).contains("decode 7b q8", "InternViT-300M");
    }

    @Test
    void whatComesTooLateOrLacksAPeerSaysSo() throws IOException {
        run("--minutes", "0", "decode-7b-bf16");
        assertThat(row("decode-7b-bf16").path("note").asText()).contains("--resume");
        run("transformers-decode-eager");
        assertThat(row("transformers-decode-eager").path("note").asText()).contains("--python");
        run("--python", "/no/such/python", "transformers-decode-eager");
        assertThat(row("transformers-decode-eager").path("note").asText())
                .contains("cannot be started");
    }

    @Test
    void unknownRowsAreRefusedWithTheListOfAll() {
        assertThatThrownBy(() -> run("decode-7b"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("decode-7b-bf16-32");
        assertThat(GpuRows.all()).extracting(Row::id).doesNotHaveDuplicates();
    }
}
