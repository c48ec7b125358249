package dev.ocellus.tests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Places in the checkout. */
final class Repository {
    /** The folder of the checkout. */
    static final Path ROOT = root();

    /** The bundled model. */
    static final Path DEMO = ROOT.resolve(Path.of("tools", "demo", "internvl-shapes"));

    /** The bundled images, and what the model is known to answer about them. */
    static final Path SAMPLES = DEMO.resolve("samples");

    private Repository() {}

    /** Folders of the parity cases, in both sets. */
    static List<Path> parityCases() throws IOException {
        List<Path> folders = new ArrayList<>();
        for (String set : List.of("cases", "cases-own")) {
            try (Stream<Path> all = Files.list(ROOT.resolve("tests").resolve(set))) {
                all.filter(Files::isDirectory).sorted().forEach(folders::add);
            }
        }
        return folders;
    }

    private static Path root() {
        for (Path p = Path.of("").toAbsolutePath(); p != null; p = p.getParent()) {
            if (Files.isDirectory(p.resolve(Path.of("tools", "demo")))) {
                return p;
            }
        }
        throw new IllegalStateException(
                "the tests run inside a checkout of Ocellus, not in "
                        + Path.of("").toAbsolutePath());
    }
}
