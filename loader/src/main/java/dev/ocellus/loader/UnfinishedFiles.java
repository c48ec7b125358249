package dev.ocellus.loader;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Files that are of no use until the work they belong to is done, and folders made for them:
 * deleted when that fails and when the process ends before. A folder goes only if it is empty then.
 * For one thread.
 */
public final class UnfinishedFiles implements AutoCloseable {
    private static final Set<Path> ALL = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime()
                .addShutdownHook(new Thread(() -> deleteAll(ALL), "ocellus-unfinished-files"));
    }

    private final List<Path> files = new ArrayList<>();

    /** Takes responsibility for a file that exists or is about to. */
    public void add(Path file) {
        files.add(file);
        ALL.add(file);
    }

    /** The work is done: the files stay. */
    public void keep() {
        files.forEach(ALL::remove);
        files.clear();
    }

    @Override
    public void close() {
        deleteAll(files);
        files.forEach(ALL::remove);
    }

    /** What lies in a folder goes before the folder. */
    private static void deleteAll(Collection<Path> files) {
        files.stream().sorted(Comparator.reverseOrder()).forEach(UnfinishedFiles::delete);
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            // Whoever looks at the folder finds the file; there is nobody else to tell at this
            // point.
        }
    }
}
