package dev.ocellus.verify;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Cases that are known not to be supported: in a file, a glob on each line and the reason after it;
 * lines that are empty or begin with {@code #} say nothing. Immutable.
 */
public final class NotYetList {
    public static final NotYetList EMPTY = new NotYetList(List.of());

    private record Entry(PathMatcher name, String reason) {}

    private final List<Entry> entries;

    private NotYetList(List<Entry> entries) {
        this.entries = List.copyOf(entries);
    }

    /**
     * @throws IOException if the file can't be read
     * @throws IllegalArgumentException if a line gives no reason
     */
    public static NotYetList read(Path file) throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            String text = line.strip();
            if (text.isEmpty() || text.startsWith("#")) {
                continue;
            }
            String[] parts = text.split("\\s+", 2);
            if (parts.length < 2) {
                throw new IllegalArgumentException(
                        file + ": '" + text + "' has no reason after it");
            }
            entries.add(
                    new Entry(
                            FileSystems.getDefault().getPathMatcher("glob:" + parts[0]), parts[1]));
        }
        return new NotYetList(entries);
    }

    /** Why a case is not supported, if it is listed. */
    public Optional<String> reason(String caseName) {
        Path name = Path.of(caseName);
        return entries.stream().filter(e -> e.name().matches(name)).map(Entry::reason).findFirst();
    }
}
