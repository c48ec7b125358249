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

    @Test
    void aBrokenCacheOfClassesIsNoMatter() throws IOException, InterruptedException {
        Path cache = Repository.ROOT.resolve(Path.of("tools", "target", "classes.aot"));
        Path jdk = cache.resolveSibling("classes.aot.jdk");
        Path keptCache = folder.resolve("cache");
        Path keptJdk = folder.resolve("jdk");
        Child.Result home = Child.run(List.of(LAUNCHER.toString(), "--print-jdk"));
        boolean kept = Files.exists(cache) && Files.exists(jdk);
        if (kept) {
            Files.move(cache, keptCache);
            Files.move(jdk, keptJdk);
        }
        try {
            Files.writeString(jdk, home.out());
            Files.writeString(cache, "no cache at all");
            Child.Result result = Child.run(List.of(LAUNCHER.toString(), "info", "--help"));
            assertThat(result.out()).startsWith("Usage: ocellus info");
            assertThat(result.err()).isEmpty();
            assertThat(result.code()).isZero();
            assertThat(cache).hasContent("no cache at all");
        } finally {
            Files.deleteIfExists(cache);
            Files.deleteIfExists(jdk);
            if (kept) {
                Files.move(keptCache, cache);
                Files.move(keptJdk, jdk);
            }
        }
    }
}
