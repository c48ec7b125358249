package dev.ocellus.bench.table;

import dev.ocellus.bench.peers.PeerException;
import dev.ocellus.loader.CheckpointException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/** The command {@code bench/table}. */
public final class Table {
    private static final String USAGE =
            """
            Usage: bench/table [OPTIONS] [SECTION...]
            Measures this project beside its peers and the limits of this machine, and writes
            bench/results/table.md and table.json. Without sections, all: decode prefill
            java-peers threads context gemm towers preprocessing first-token.

              --llama-cpp DIR        a native build of llama.cpp: its build folder, with the
                                     sources around it, or an installation
              --java-llama-cpp PATH  class path of java-llama.cpp
              --python PROGRAM       a Python with PyTorch, NumPy and Pillow
              --models DIR           checkpoints (default: bench/target/models)
              --work DIR             GGUF twins and drivers (default: bench/target/peers)
              --results DIR          where the table goes (default: bench/results)
              --rounds N             rounds that count (default: 3)
              --resume               leave out what the table has already
            """;

    private Table() {}

    public static void main(String[] arguments) throws IOException {
        Setup setup;
        try {
            setup = setup(List.of(arguments));
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            return;
        }
        List<Row> rows = Rows.all();
        Results results = new Results(setup.results(), Results.Subject.processor(), rows);
        if (wants(setup, Section.DECODE) || wants(setup, Section.PREFILL)) {
            new LanguageRows(setup, results).measure();
        }
        new JavaPeerRows(setup, results).measure();
        new OwnRows(setup, results).measure();
        new GemmRows(setup, results).measure();
        new TowerRows(setup, results).measure();
        new PreprocessingRow(setup, results).measure();
        new FirstToken(setup, results).measure();
        System.out.println();
        System.out.print(results.markdown());
    }

    private static boolean wants(Setup setup, Section section) {
        return setup.sections().contains(section);
    }

    /** Whether a row was asked for and is not there already. */
    static boolean wanted(Setup setup, Results results, Section section, String id) {
        Row row = Rows.all().stream().filter(r -> r.id().equals(id)).findFirst().orElseThrow();
        return wants(setup, section) && !(setup.resume() && results.has(row));
    }

    /** Measures rows; where that fails for want of something, the rows say so. */
    static void guarded(Results results, List<String> ids, Runnable measurement) {
        try {
            measurement.run();
        } catch (PeerException | CheckpointException | UnsupportedOperationException e) {
            ids.forEach(id -> results.put(id, Outcome.skipped(e.getMessage())));
        }
    }

    private static Setup setup(List<String> arguments) throws IOException {
        Path home = Path.of(System.getProperty("ocellus.home", ""));
        Path models = home.resolve("bench/target/models");
        Path work = home.resolve("bench/target/peers");
        Path resultFolder = home.resolve("bench/results");
        Path llamaCpp = null;
        String javaLlamaCpp = null;
        String python = null;
        int rounds = 3;
        boolean resume = false;
        Set<Section> sections = EnumSet.noneOf(Section.class);
        for (Iterator<String> i = arguments.iterator(); i.hasNext(); ) {
            String argument = i.next();
            switch (argument) {
                case "--llama-cpp" -> llamaCpp = Path.of(value(argument, i));
                case "--java-llama-cpp" -> javaLlamaCpp = value(argument, i);
                case "--python" -> python = value(argument, i);
                case "--models" -> models = Path.of(value(argument, i));
                case "--work" -> work = Path.of(value(argument, i));
                case "--results" -> resultFolder = Path.of(value(argument, i));
                case "--rounds" -> rounds = Math.max(1, Integer.parseInt(value(argument, i)));
                case "--resume" -> resume = true;
                default -> {
                    if (argument.startsWith("-")) {
                        throw new IllegalArgumentException(USAGE);
                    }
                    sections.add(Section.of(argument));
                }
            }
        }
        return new Setup(
                home,
                models,
                Files.createDirectories(work),
                resultFolder,
                llamaCpp,
                javaLlamaCpp,
                python,
                rounds,
                resume,
                sections.isEmpty() ? EnumSet.allOf(Section.class) : sections);
    }

    private static String value(String option, Iterator<String> i) {
        if (!i.hasNext()) {
            throw new IllegalArgumentException(option + " needs a value");
        }
        return i.next();
    }
}
