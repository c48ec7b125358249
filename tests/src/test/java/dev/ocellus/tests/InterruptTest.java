package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.loader.random.RandomCheckpoint;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Ctrl-C in the middle of an answer. */
@EnabledOnOs(OS.LINUX)
class InterruptTest {
    private static final long SIGINT_BIT = 1L << 1;

    @TempDir private Path folder;

    @Test
    void endsTheAnswerWithOneLineAndLeavesNothingBehind() throws Exception {
        // A process that ignores the signal hands that on to its children.
        assumeThat(ignoredSignals() & SIGINT_BIT).isZero();
        Path model = endlessModel();
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Path err = folder.resolve("err.txt");
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "-Djava.io.tmpdir=" + temporary,
                                "-cp",
                                Child.CLASS_PATH,
                                "dev.ocellus.tools.Main",
                                "chat",
                                model.toString(),
                                "--max-tokens",
                                "900000",
                                "hello")
                        .redirectError(err.toFile())
                        .start();
        try (InputStream answer = process.getInputStream()) {
            assertThat(answer.read()).as("the first character").isNotNegative();
            new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
            answer.readAllBytes();
        }

        assertThat(process.waitFor()).isEqualTo(130);
        List<String> lines =
                Files.readAllLines(err).stream()
                        .filter(l -> !l.contains("dev.ocellus.kernels") && !l.startsWith("INFO"))
                        .toList();
        assertThat(lines).hasSize(1);
        assertThat(lines.getFirst()).endsWith("; cancelled]");
        try (Stream<Path> left = Files.list(temporary)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void ofAnInterruptedCheckpointNothingStays() throws Exception {
        assumeThat(ignoredSignals() & SIGINT_BIT).isZero();
        Path target = folder.resolve("random");
        Path err = folder.resolve("err.txt");
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "-cp",
                                Child.CLASS_PATH,
                                "dev.ocellus.tools.Main",
                                "make-random",
                                "llama-7b",
                                "-o",
                                target.toString())
                        .redirectError(err.toFile())
                        .start();
        // The first shard has gigabytes: it is far from done when the signal comes.
        while (process.isAlive() && !anyFileIn(target)) {
            Thread.onSpinWait();
        }
        new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();

        assertThat(process.waitFor()).isEqualTo(130);
        assertThat(Files.readAllLines(err)).containsExactly("interrupted");
        assertThat(anyFileIn(target)).isFalse();
    }

    private static boolean anyFileIn(Path target) throws IOException {
        if (!Files.isDirectory(target)) {
            return false;
        }
        try (Stream<Path> files = Files.list(target)) {
            return files.findAny().isPresent();
        }
    }

    /** The demo model's shape with random weights, which don't come to an end, and much context. */
    private Path endlessModel() {
        ObjectNode config = (ObjectNode) JsonFile.read(Repository.DEMO.resolve("config.json"));
        ((ObjectNode) config.get("text_config")).put("max_position_embeddings", 1_000_000);
        Path model = folder.resolve("model");
        RandomCheckpoint.write(model, config, RandomCheckpoint.Options.DEFAULT);
        return model;
    }

    private static long ignoredSignals() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(l -> l.startsWith("SigIgn:"))
                .map(l -> Long.parseUnsignedLong(l.substring(l.indexOf(':') + 1).strip(), 16))
                .findFirst()
                .orElse(0L);
    }
}
