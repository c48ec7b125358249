package dev.ocellus.loader;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Writes a file completely or not at all: under a temporary name, then renamed. */
public final class AtomicFile {
    /** Writes the content. */
    @FunctionalInterface
    public interface Content {
        /**
         * @param temporary an existing, empty file in the folder of the target
         */
        void writeTo(Path temporary) throws IOException;
    }

    private AtomicFile() {}

    /** Replaces {@code target}; readers that have the old file open keep it. */
    public static void write(Path target, Content content) throws IOException {
        Path temporary = target.resolveSibling(target.getFileName() + ".tmp");
        try (UnfinishedFiles unfinished = new UnfinishedFiles()) {
            unfinished.add(temporary);
            Files.write(temporary, new byte[0]);
            content.writeTo(temporary);
            Files.move(
                    temporary,
                    target,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
            unfinished.keep();
        }
    }
}
