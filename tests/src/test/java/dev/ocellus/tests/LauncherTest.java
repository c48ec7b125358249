package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.stream.Stream;

/** The launcher, on what this build has packaged. */
@DisabledOnOs(OS.WINDOWS)
class LauncherTest {
    private static final Path LAUNCHER = Repository.ROOT.resolve(Path.of("tools", "ocellus"));

    @TempDir private Path folder;

    @BeforeEach
    void packagedByThisBuild() throws IOException {
        // Else the launcher would start a build inside this one.
        Path packaged = Repository.ROOT.resolve(Path.of("tools", "target", "class-path"));
        assumeThat(packaged).exists();
        FileTime time = Files.getLastModifiedTime(packaged);
        for (String module : List.of("kernels", "loader", "engine", "tools")) {
            Path classes = Repository.ROOT.resolve(Path.of(module, "target", "classes"));
            try (Stream<Path> files = Files.find(classes, 99, (f, a) -> a.isRegularFile())) {
                for (Path file : files.toList()) {
                    assumeThat(Files.getLastModifiedTime(file)).isLessThanOrEqualTo(time);
                }
            }
        }
    }

    @Test
    void worksThroughLinksAndFoldersWithSpaces() throws IOException, InterruptedException {
        Path spaced = Files.createDirectory(folder.resolve("a folder"));
        Path inner = Files.createSymbolicLink(spaced.resolve("inner link"), LAUNCHER);
        Path outer = Files.createSymbolicLink(folder.resolve("outer"), folder.relativize(inner));

        Child.Result result = Child.run(List.of(outer.toString(), "info", "--help"));

        assertThat(result.out()).startsWith("Usage: ocellus info");
        assertThat(result.code()).isZero();
    }

    @Test
    void handsExitCodesOn() throws IOException, InterruptedException {
        Child.Result wrong = Child.run(List.of(LAUNCHER.toString(), "info"));
        assertThat(wrong.code()).isEqualTo(2);

        Child.Result missing =
                Child.run(List.of(LAUNCHER.toString(), "info", folder + "/not there"));
        assertThat(missing.err().lines()).as(missing.err()).hasSize(1);
        assertThat(missing.err()).contains("not there: does not exist");
        assertThat(missing.code()).isEqualTo(1);
    }

    @Test
    void demoShowsImagesQuestionsAndAnswers() throws IOException, InterruptedException {
        Child.Result result = Child.run(List.of(LAUNCHER.toString(), "demo"));

        assertThat(result.err()).isEmpty();
        assertThat(result.out())
                .contains(
                        "image     tools/demo/internvl-shapes/samples/scene-2.png",
                        "question  Describe the image.",
                        "answer    a large yellow star left of a small pink triangle",
                        "tokens/s",
                        "tools/ocellus chat tools/demo/internvl-shapes");
        assertThat(result.code()).isZero();
    }

    /** In a copy of the checkout as far as the launcher looks. */
    @Test
    void aBrokenCacheOfClassesIsNoMatter() throws IOException, InterruptedException {
        for (String module : List.of("kernels", "loader", "engine", "tools/target")) {
            Files.createDirectories(folder.resolve(module));
        }
        for (String file :
                List.of(
                        "pom.xml",
                        "tools/ocellus",
                        "tools/logging.properties",
                        "tools/target/ocellus-tools.jar",
                        "tools/target/class-path")) {
            Files.copy(
                    Repository.ROOT.resolve(file),
                    folder.resolve(file),
                    StandardCopyOption.COPY_ATTRIBUTES);
        }
        String launcher = folder.resolve("tools/ocellus").toString();
        Path cache = folder.resolve("tools/target/classes.aot");
        Files.writeString(cache, "no cache at all");
        Files.writeString(
                folder.resolve("tools/target/classes.aot.jdk"),
                Child.run(List.of(launcher, "--print-jdk")).out());

        Child.Result result = Child.run(List.of(launcher, "info", "--help"));

        assertThat(result.out()).startsWith("Usage: ocellus info");
        assertThat(result.err()).isEmpty();
        assertThat(result.code()).isZero();
        assertThat(cache).hasContent("no cache at all");
    }
}
