package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;

/** Each wrong input gives one line that names it, and the exit code of its kind. */
class WrongInputTest {
    private static final Path IMAGE = Repository.SAMPLES.resolve("scene-1.png");

    @TempDir private Path folder;

    private static void oneLine(Cli.Result result, int code, String... parts) {
        assertThat(result.out()).isEmpty();
        assertThat(result.err().lines()).as(result.err()).hasSize(1);
        assertThat(result.err()).contains(parts).doesNotContain("unexpected", "Exception");
        assertThat(result.code()).isEqualTo(code);
    }

    @Test
    void textFileAsModel() throws IOException {
        Path text = Files.writeString(folder.resolve("notes.txt"), "These are only some notes.\n");

        oneLine(Cli.run("chat", text, "hello"), 1, "notes.txt", "not a safetensors file");
        oneLine(Cli.run("info", text), 1, "notes.txt", "not a safetensors file");
        oneLine(Cli.run("inspect", text), 1, "notes.txt", "not a safetensors file");
    }

    @Test
    void folderThatIsNotThere() {
        Path none = folder.resolve("none");

        oneLine(Cli.run("chat", none, "hello"), 1, none.toString(), "does not exist");
        oneLine(Cli.run("info", none), 1, none.toString(), "does not exist");
    }

    @Test
    void folderWithoutConfig() throws IOException {
        Files.copy(
                Repository.DEMO.resolve("model.safetensors"), folder.resolve("model.safetensors"));

        oneLine(Cli.run("chat", folder, "hello"), 1, folder.toString(), "no config.json");
        oneLine(Cli.run("info", folder), 1, folder.toString(), "no config.json");
    }

    @Test
    void emptyFolder() {
        oneLine(Cli.run("chat", folder, "hello"), 1, folder.toString(), "holds no weights");
    }

    @Test
    void truncatedShard() throws IOException {
        copyDemo();
        Path weights = folder.resolve("model.safetensors");
        try (FileChannel c = FileChannel.open(weights, StandardOpenOption.WRITE)) {
            c.truncate(c.size() - 1000);
        }

        oneLine(Cli.run("chat", folder, "hello"), 1, "model.safetensors", "incomplete download");
        oneLine(Cli.run("info", folder), 1, "model.safetensors", "incomplete download");
    }

    @Test
    void unknownArchitecture() throws IOException {
        copyDemo();
        Files.writeString(folder.resolve("config.json"), "{\"architectures\": [\"MambaModel\"]}");

        oneLine(Cli.run("info", folder), 1, "MambaModel", "Qwen2ForCausalLM");
    }

    private void copyDemo() throws IOException {
        try (Stream<Path> files = Files.list(Repository.DEMO)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
    }

    @Test
    void imageThatIsNotThere() {
        Path none = folder.resolve("none.png");

        oneLine(Cli.run("chat", Repository.DEMO, "-i", none, "hello"), 1, none.toString());
    }

    @Test
    void emptyImage() throws IOException {
        Path empty = Files.createFile(folder.resolve("empty.png"));

        oneLine(Cli.run("chat", Repository.DEMO, "-i", empty, "hello"), 1, "empty.png", "is empty");
    }

    @Test
    void textAsImage() throws IOException {
        Path text = Files.writeString(folder.resolve("text.png"), "This is no picture at all.");

        oneLine(Cli.run("chat", Repository.DEMO, "-i", text, "hello"), 1, "text.png", "PNG");
    }

    @Test
    void promptOverTheContext() {
        oneLine(
                Cli.run("chat", Repository.DEMO, "-i", IMAGE, "--context", 20, "How many?"),
                1,
                "tokens",
                "context is 20");
    }

    @Test
    void moreMarksThanImages() {
        oneLine(
                Cli.run("chat", Repository.DEMO, "-i", IMAGE, "<image> or <image>?"),
                1,
                "2 <image> marks for 1 images");
    }

    @Test
    void unknownOptions() {
        oneLine(Cli.run("chat", Repository.DEMO, "--colour", "hello"), 2, "--colour", "--help");
        oneLine(Cli.run("chat"), 2, "MODEL", "--help");
        oneLine(Cli.run("sing"), 2, "sing", "--help");
        oneLine(Cli.run("chat", Repository.DEMO, "--max-tokens", "many", "hello"), 2, "many");
    }

    @Test
    void optionsOutOfRange() {
        List<List<Object>> wrong =
                List.of(
                        List.of("--temperature", -1),
                        List.of("--top-p", 0),
                        List.of("--top-k", -2),
                        List.of("--min-p", 1.5),
                        List.of("--repetition-penalty", 0),
                        List.of("--max-tokens", 0),
                        List.of("--threads", 0),
                        List.of("--context", -5),
                        List.of("--compute", "f64"));
        for (List<Object> option : wrong) {
            oneLine(
                    Cli.run("chat", Repository.DEMO, option.get(0), option.get(1), "hello"),
                    2,
                    option.get(1).toString());
        }
    }
}
