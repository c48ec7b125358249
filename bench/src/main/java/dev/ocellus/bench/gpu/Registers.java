package dev.ocellus.bench.gpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The table of the kernels' registers that the compiler's script writes. Immutable. */
final class Registers {
    /** Where it lies in the project. */
    static final String FILE = "kernels/cuda/REGISTERS.md";

    private static final Pattern ROW =
            Pattern.compile(
                    "\\| (\\w+) \\| (\\w+) \\| (\\d+)(?: / (\\d+))? \\| (\\d+)(?: / (\\d+))? \\|.*");

    /**
     * What a kernel takes.
     *
     * @param registers of a thread
     * @param sharedBytes of a block, known when it was compiled
     */
    record Needs(int registers, int sharedBytes) {}

    private final Map<String, Needs> ampere = new HashMap<>();
    private final Map<String, Needs> hopper = new HashMap<>();

    private Registers() {}

    static Registers read(Path file) {
        try {
            return parse(Files.readAllLines(file));
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read", e);
        }
    }

    static Registers parse(List<String> lines) {
        Registers all = new Registers();
        for (String line : lines) {
            Matcher m = ROW.matcher(line);
            if (m.matches()) {
                String kernel = m.group(1) + "." + m.group(2);
                int shared = Integer.parseInt(m.group(5));
                int hopperShared = m.group(6) == null ? shared : Integer.parseInt(m.group(6));
                int registers = Integer.parseInt(m.group(3));
                // Families for Hopper alone have one figure.
                int hopperRegisters = m.group(4) == null ? registers : Integer.parseInt(m.group(4));
                all.ampere.put(kernel, new Needs(registers, shared));
                all.hopper.put(kernel, new Needs(hopperRegisters, hopperShared));
            }
        }
        return all;
    }

    /**
     * @param kernel family and kernel, as in {@code norm.rms_norm}
     * @throws IllegalArgumentException if the table lacks it
     */
    Needs of(String kernel, GpuSpec gpu) {
        Needs needs = (gpu.isHopper() ? hopper : ampere).get(kernel);
        if (needs == null) {
            throw new IllegalArgumentException(
                    FILE + " has no kernel " + kernel + "; write it anew with kernels/cuda/ptx.sh");
        }
        return needs;
    }
}
