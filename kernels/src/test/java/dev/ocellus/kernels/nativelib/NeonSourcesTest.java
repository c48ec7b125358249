package dev.ocellus.kernels.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * The kernels compile for NEON where a cross compiler is installed; elsewhere this is reported as
 * skipped. On other machines than those with NEON nothing runs these kernels: their results are
 * untested there.
 */
class NeonSourcesTest {
    private static final String COMPILER = "aarch64-linux-gnu-gcc";
    private static final Path SOURCES = Path.of("c");

    /** Chooses an instruction set at run time; compiled for the library only. */
    private static final String DISPATCH = "dispatch.c";

    @TestFactory
    Stream<DynamicTest> compileWithoutWarnings() throws IOException {
        assumeTrue(isInstalled(), "NEON kernels untested: no " + COMPILER);
        try (Stream<Path> files = Files.list(SOURCES)) {
            List<Path> sources =
                    files.filter(f -> f.toString().endsWith(".c"))
                            .filter(f -> !f.endsWith(DISPATCH))
                            .sorted()
                            .toList();
            assertThat(sources).isNotEmpty();
            return sources.stream()
                    .map(f -> DynamicTest.dynamicTest(f.getFileName().toString(), () -> check(f)));
        }
    }

    private static void check(Path source) throws IOException, InterruptedException {
        Process compiler =
                new ProcessBuilder(
                                COMPILER,
                                "-std=gnu11",
                                "-fsyntax-only",
                                "-Wall",
                                "-Wextra",
                                "-Werror",
                                "-DISA=neon",
                                source.toString())
                        .redirectErrorStream(true)
                        .start();
        String said = new String(compiler.getInputStream().readAllBytes());
        assertThat(compiler.waitFor()).as(said).isZero();
    }

    private static boolean isInstalled() {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, COMPILER)));
    }
}
