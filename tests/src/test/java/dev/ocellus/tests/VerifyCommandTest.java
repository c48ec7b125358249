package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What verify prints and with what it exits. */
class VerifyCommandTest {
    private static final Path CASES = Repository.ROOT.resolve(Path.of("tests", "cases"));
    private static final Path GOOD = CASES.resolve("ivl-quiet-llama");

    @TempDir private Path folder;

    private static List<String> lines(Cli.Result result) {
        return result.out().lines().toList();
    }

    /** A case that fails: a good one whose task nobody knows. */
    private Path broken(String name) throws IOException {
        Path broken = Files.createDirectories(folder.resolve(name));
        String description = Files.readString(GOOD.resolve("case.json"));
        Files.writeString(
                broken.resolve("case.json"), description.replace("llm.forward", "llm.backward"));
        return broken;
    }

    @Test
    void everyTensorHasALine() {
        Cli.Result result = Cli.run("verify", GOOD);

        List<String> lines = lines(result);
        assertThat(lines.subList(0, lines.size() - 1))
                .isNotEmpty()
                .allMatch(
                        l ->
                                l.matches(
                                        "ivl-quiet-llama +\\S+ +\\[[0-9,]+\\] +\\S+e\\S+ +\\S+e\\S+  passed"));
        assertThat(lines.getLast()).isEqualTo((lines.size() - 1) + " passed, 0 failed");
        assertThat(result.code()).isZero();
    }

    @Test
    void folderOfCases() throws IOException {
        broken("a");
        broken("b");

        Cli.Result result = Cli.run("verify", folder, GOOD);

        assertThat(result.out()).contains("FAILED: unknown task llm.backward");
        assertThat(lines(result).getLast()).endsWith(" passed, 2 failed");
        assertThat(result.code()).isEqualTo(1);
    }

    @Test
    void folderThatIsNoCaseFails() {
        Cli.Result result = Cli.run("verify", folder.resolve("none"));

        assertThat(result.out()).contains("not a parity case");
        assertThat(lines(result).getLast()).isEqualTo("0 passed, 1 failed");
        assertThat(result.code()).isEqualTo(1);
    }

    @Test
    void listedCasesAreNotCounted() throws IOException {
        Path broken = broken("some-case");
        Path list = folder.resolve("not-yet.txt");
        Files.writeString(list, "# known\n\nsome-*   its task is new\n");

        Cli.Result result = Cli.run("verify", "--not-yet", list, broken);

        assertThat(lines(result))
                .anyMatch(l -> l.matches("some-case +not supported yet: its task is new"));
        assertThat(lines(result).getLast()).isEqualTo("0 passed, 0 failed");
        assertThat(result.code()).isZero();
    }

    @Test
    void listedCaseThatPassesFailsTheRun() throws IOException {
        Path list = folder.resolve("not-yet.txt");
        Files.writeString(list, "ivl-quiet-llama   wrong\n");

        Cli.Result result = Cli.run("verify", "--not-yet", list, GOOD);

        assertThat(lines(result).getFirst()).contains("ivl-quiet-llama", "FAILED: passes");
        assertThat(lines(result).getLast()).isEqualTo("0 passed, 1 failed");
        assertThat(result.code()).isEqualTo(1);
    }

    @Test
    void listNeedsReasons() throws IOException {
        Path list = folder.resolve("not-yet.txt");
        Files.writeString(list, "ivl-quiet-llama\n");

        Cli.Result result = Cli.run("verify", "--not-yet", list, GOOD);

        assertThat(result.err()).contains("has no reason");
        assertThat(result.code()).isEqualTo(1);
    }

    @Test
    void reducedPrecisionDoesNotJudgeChoices() {
        Cli.Result result =
                Cli.run("verify", "--dtype", "bf16", CASES.resolve("ivl-llm-qwen2-bf16-sharded"));

        assertThat(lines(result).getFirst()).contains("generated_ids", "not judged");
        assertThat(lines(result).getLast()).isEqualTo("0 passed, 0 failed");
    }

    @Test
    void missingBackendIsAnError() {
        Cli.Result result = Cli.run("verify", "--backend", "cuda:99", GOOD);

        assertThat(result.err().lines()).hasSize(1);
        assertThat(result.err()).containsAnyOf("libcuda", "no GPU 99");
        assertThat(result.code()).isEqualTo(1);
        assertThat(Cli.run("verify", "--backend", "abacus", GOOD).code()).isEqualTo(2);
        assertThat(Cli.run("verify").code()).isEqualTo(2);
    }
}
