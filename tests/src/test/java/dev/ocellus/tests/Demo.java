package dev.ocellus.tests;

import java.nio.file.Files;
import java.nio.file.Path;

/** Where the bundled demo model lies. */
final class Demo {
    static final Path MODEL = root().resolve("tools/demo/internvl-shapes");

    private Demo() {}

    /** The project's root: the folder above the module that tests run in. */
    static Path root() {
        Path here = Path.of("").toAbsolutePath();
        return Files.isDirectory(here.resolve("tools/demo")) ? here : here.getParent();
    }

    static Path scene(int n) {
        return MODEL.resolve("samples/scene-" + n + ".png");
    }
}
