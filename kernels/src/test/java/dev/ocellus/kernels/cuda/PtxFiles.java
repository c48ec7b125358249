package dev.ocellus.kernels.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The sources of the CUDA kernels and the PTX made of them, seen from the module's folder. */
final class PtxFiles {
    static final Path SOURCES = Path.of("cuda");
    static final Path PTX = Path.of("src/main/resources/dev/ocellus/kernels/cuda");

    private PtxFiles() {}

    /** Names of the families that have a source, in ascending order. */
    static List<String> sources() throws IOException {
        return names(SOURCES, ".cu");
    }

    /**
     * Names of the families that have PTX, in ascending order. Ends the test as skipped where there
     * is none at all.
     */
    static List<String> families() throws IOException {
        assumeTrue(Files.isDirectory(PTX), "no PTX here: write it with cuda/ptx.sh");
        return names(PTX, ".ptx");
    }

    static Path ptx(String family) {
        return PTX.resolve(family + ".ptx");
    }

    private static List<String> names(Path folder, String ending) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString())
                    .filter(f -> f.endsWith(ending))
                    .map(f -> f.substring(0, f.length() - ending.length()))
                    .sorted()
                    .toList();
        }
    }
}
