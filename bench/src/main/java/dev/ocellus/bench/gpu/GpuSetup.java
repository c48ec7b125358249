package dev.ocellus.bench.gpu;

import dev.ocellus.OpenOptions;
import dev.ocellus.bench.table.Row;
import dev.ocellus.device.CudaDevice;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What {@code bench/gpu} was asked for.
 *
 * @param shapes makes the models
 * @param results folder of the tables' files
 * @param python with PyTorch and transformers, or null
 * @param peerScript the peer's program
 * @param deadline after which no row is begun
 * @param resume whether rows that are in the files already are left out
 * @param rows that are measured; none for all
 */
record GpuSetup(
        Shapes shapes,
        Path results,
        String python,
        Path peerScript,
        Instant deadline,
        boolean resume,
        Set<String> rows) {
    private static final String USAGE =
            """
            Usage: bench/gpu [OPTIONS] [ROW...]
            Measures models with random weights and each of their kernels on the first GPU, beside the
            GPU's ceilings, and writes gpu-NAME.md, gpu-NAME-kernels.md and both in .json after every row.
            Without rows, all: %s.

              --python PROGRAM  a Python with PyTorch and transformers, for the rows of the peer
              --work DIR        models (default: bench/target/models); up to 14 GB at a time, removed
                                when the last row that needs them is done
              --results DIR     where the tables go (default: bench/results)
              --minutes N       begin no row later (default: 8)
              --resume          leave out what the table has already
              --small           models that take no time instead, to try the command
            """;

    static GpuSetup of(List<String> arguments) throws IOException {
        Path home = Path.of(System.getProperty("ocellus.home", ""));
        Path work = home.resolve("bench/target/models");
        Path results = home.resolve("bench/results");
        String python = null;
        double minutes = 8;
        boolean resume = false;
        boolean small = false;
        Set<String> rows = new LinkedHashSet<>();
        for (Iterator<String> i = arguments.iterator(); i.hasNext(); ) {
            String argument = i.next();
            switch (argument) {
                case "--python" -> python = value(argument, i);
                case "--work" -> work = Path.of(value(argument, i));
                case "--results" -> results = Path.of(value(argument, i));
                case "--minutes" -> minutes = Double.parseDouble(value(argument, i));
                case "--resume" -> resume = true;
                case "--small" -> small = true;
                default -> rows.add(row(argument));
            }
        }
        return new GpuSetup(
                new Shapes(Files.createDirectories(work), small),
                results,
                python,
                home.resolve("bench/peers/transformers_gpu.py"),
                Instant.now().plusSeconds((long) (60 * minutes)),
                resume,
                rows);
    }

    private static String row(String argument) {
        List<String> all = GpuRows.all().stream().map(Row::id).toList();
        if (!all.contains(argument)) {
            throw new IllegalArgumentException(USAGE.formatted(String.join(" ", all)));
        }
        return argument;
    }

    private static String value(String option, Iterator<String> i) {
        if (!i.hasNext()) {
            throw new IllegalArgumentException(option + " needs a value");
        }
        return i.next();
    }

    List<GpuCase> cases() {
        return shapes.small() ? GpuCase.ALL.stream().map(GpuCase::small).toList() : GpuCase.ALL;
    }

    Effort effort() {
        return shapes.small() ? Effort.SMALL : Effort.FULL;
    }

    boolean wants(String row) {
        return rows.isEmpty() || rows.contains(row);
    }

    Duration left() {
        return Duration.between(Instant.now(), deadline);
    }

    boolean isLate() {
        return left().isNegative();
    }

    OpenOptions options(CudaDevice device) {
        return OpenOptions.DEFAULT.withDevice(device);
    }

    /** Name of a GPU's files, without what follows the point. */
    String fileName(String gpu) {
        String name = gpu.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
        return (shapes.small() ? "gpu-small-" : "gpu-") + name.replaceAll("-$", "");
    }
}
