package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The PTX becomes machine code for every architecture from Ampere on, and no kernel keeps values in
 * local memory for want of registers, but for those that are named here.
 *
 * <p>For sm_80 and sm_90 the script that writes the PTX has written down what ptxas says, which
 * {@link PtxTest} compares. For the others ptxas is run here; without it, or where it does not know
 * the architecture, they are skipped.
 */
class PtxAssemblyTest {
    /** Kernels that may spill, each with its reason. */
    private static final Set<String> MAY_SPILL = Set.of();

    /** Cells of the table of registers; the first is empty. */
    private static final int KERNEL = 2;

    private static final int SPILLED = 6;
    private static final int COLUMNS = 7;

    private static final Pattern ENTRY_OR_SPILL =
            Pattern.compile("Compiling entry function '(\\w+)'|([1-9]\\d*) bytes spill");

    @Test
    void theTableOfRegistersShowsNoSpills() throws IOException {
        PtxFiles.modules();
        List<String> lines = Files.readAllLines(PtxFiles.SOURCES.resolve("REGISTERS.md"));
        List<String[]> rows =
                lines.stream()
                        .filter(line -> line.matches("\\| [\\w.]+ \\| \\w+ \\| \\d.*"))
                        .map(line -> line.split(" *\\| *"))
                        .toList();
        assertThat(rows).isNotEmpty().allMatch(cells -> cells.length == COLUMNS);
        assertThat(rows.stream().filter(cells -> !cells[SPILLED].matches("[0 /]+")))
                .extracting(cells -> cells[KERNEL])
                .isSubsetOf(MAY_SPILL);
    }

    @ParameterizedTest
    @ValueSource(strings = {"sm_86", "sm_89", "sm_90a", "sm_100"})
    void everythingAssemblesWithoutSpills(String architecture) throws IOException {
        List<String> modules =
                PtxFiles.modules().stream().filter(m -> PtxFiles.isFor(m, architecture)).toList();
        Optional<Path> ptxas = ptxas();
        assumeTrue(ptxas.isPresent(), "PTX not assembled: no ptxas on the path or in CUDA_HOME");
        assumeTrue(
                run(ptxas.get(), "--help").contains("'" + architecture + "'"),
                "PTX not assembled: " + ptxas.get() + " does not know " + architecture);
        List<String> logs =
                modules.parallelStream()
                        .map(m -> assembled(ptxas.get(), PtxFiles.ptx(m), architecture))
                        .toList();
        assertThat(logs).allSatisfy(log -> assertThat(log).doesNotContain("warning"));
        Set<String> spilling = new TreeSet<>();
        logs.forEach(log -> spilling.addAll(spilling(log)));
        assertThat(spilling).isSubsetOf(MAY_SPILL);
    }

    /** The log of ptxas, which says what each kernel uses. */
    private static String assembled(Path ptxas, Path ptx, String architecture) {
        return run(ptxas, "-v", "-arch=" + architecture, "-o", "/dev/null", ptx.toString());
    }

    /** The kernels with spills; functions that a kernel calls follow it in the log. */
    private static Set<String> spilling(String log) {
        Set<String> kernels = new TreeSet<>();
        String kernel = "";
        Matcher found = ENTRY_OR_SPILL.matcher(log);
        while (found.find()) {
            if (found.group(1) != null) {
                kernel = found.group(1);
            } else {
                kernels.add(kernel);
            }
        }
        return kernels;
    }

    private static Optional<Path> ptxas() {
        String home = System.getenv().getOrDefault("CUDA_HOME", "/usr/local/cuda");
        String path = System.getenv().getOrDefault("PATH", "");
        return Stream.concat(Stream.of(path.split(":")), Stream.of(home + "/bin"))
                .map(folder -> Path.of(folder, "ptxas"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static String run(Path program, String... arguments) {
        List<String> command =
                Stream.concat(Stream.of(program.toString()), Stream.of(arguments)).toList();
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes());
            assertThat(process.waitFor()).as("%s: %s", command, said).isZero();
            return said;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
