package dev.ocellus.kernels.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The sources of the CUDA kernels and the PTX made of them, seen from the module's folder. */
final class PtxFiles {
    static final Path SOURCES = Path.of("cuda");
    static final Path PTX = Path.of("src/main/resources/dev/ocellus/kernels/cuda");

    /** Ending of the PTX for Hopper and newer. */
    private static final String NEWER = ".sm_90";

    private PtxFiles() {}

    /** Names of the families that have a source, in ascending order. */
    static List<String> sources() throws IOException {
        return names(SOURCES, ".cu");
    }

    /**
     * Names of the PTX that there is, in ascending order: families, and families with the ending of
     * a variant for newer GPUs. Ends the test as skipped where there is none at all.
     */
    static List<String> modules() throws IOException {
        assumeTrue(Files.isDirectory(PTX), "no PTX here: write it with cuda/ptx.sh");
        return names(PTX, ".ptx");
    }

    static String family(String module) {
        return module.endsWith(NEWER)
                ? module.substring(0, module.length() - NEWER.length())
                : module;
    }

    /**
     * Whether the PTX is made to become machine code of an architecture, such as sm_86; sm_90a is
     * sm_90 for what is not for it alone.
     */
    static boolean isFor(String module, String architecture) {
        if (module.endsWith("_sm90a") || architecture.equals("sm_90a")) {
            return module.endsWith("_sm90a") && architecture.equals("sm_90a");
        }
        int number = Integer.parseInt(architecture.replaceAll("\\D", ""));
        return !module.endsWith(NEWER) || number >= 90;
    }

    static Path ptx(String module) {
        return PTX.resolve(module + ".ptx");
    }

    static String text(String module) {
        try {
            return Files.readString(ptx(module));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
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
