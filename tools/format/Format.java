import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.FormatterException;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Checks or repairs the style of every Java file below a folder: {@code Format check|write FOLDER}.
 */
public final class Format {
    public static void main(String[] args) throws IOException {
        boolean write = args[0].equals("write");
        JavaFormatterOptions style =
                JavaFormatterOptions.builder().style(JavaFormatterOptions.Style.AOSP).build();
        Formatter formatter = new Formatter(style);
        List<Path> wrong = new ArrayList<>();
        List<Path> files;
        try (Stream<Path> all = Files.walk(Path.of(args[1]))) {
            files =
                    all.filter(p -> p.toString().endsWith(".java"))
                            .filter(p -> !p.toString().contains("/target/"))
                            .sorted()
                            .toList();
        }
        for (Path file : files) {
            String source = Files.readString(file);
            String formatted;
            try {
                formatted =
                        formatter.formatSource(
                                ImportOrderer.reorderImports(
                                        RemoveUnusedImports.removeUnusedImports(source),
                                        style.style()));
            } catch (FormatterException e) {
                System.err.println(file + ": " + e.getMessage());
                wrong.add(file);
                continue;
            }
            if (!formatted.equals(source)) {
                wrong.add(file);
                if (write) {
                    Files.writeString(file, formatted);
                }
            }
        }
        if (!wrong.isEmpty() && !write) {
            System.err.println(
                    wrong.size()
                            + " files are not formatted; repair with: mvn -N validate -Dformat=write");
            wrong.stream().limit(10).forEach(f -> System.err.println("  " + f));
            System.exit(1);
        }
    }

    private Format() {}
}
