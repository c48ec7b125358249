package dev.ocellus.tools;

import dev.ocellus.device.Device;
import dev.ocellus.device.DeviceChoice;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.verify.CaseResult;
import dev.ocellus.verify.NotYetList;
import dev.ocellus.verify.Verdict;
import dev.ocellus.verify.Verifier;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** Compares this engine with reference results. */
@Command(
        name = "verify",
        description = "Runs parity cases and compares with what the reference computed.",
        footer = {
            "",
            "Prints a line for each expected tensor: case, tensor, shape, relative L2",
            "difference, largest difference, verdict. The exit code is 0 only when",
            "every tensor passed.",
            "",
            "  ocellus verify tests/cases/*",
            "  ocellus verify --dtype bf16 tests/cases",
            "  ocellus verify --backend cuda tests/cases"
        })
final class VerifyCommand implements Callable<Integer> {
    private static final String CASE_FILE = "case.json";

    /** Types of matrix products. */
    enum Precision {
        f32,
        bf16
    }

    @Spec private CommandSpec spec;

    @Parameters(
            arity = "1..*",
            paramLabel = "CASE",
            description = "Folder of a case, or a folder that holds such folders.")
    private List<Path> folders;

    @Option(
            names = {"--backend", "--device"},
            paramLabel = "NAME",
            description = "Where the cases run: cpu, cuda, cuda:N or auto (default: cpu).")
    private String backend = "cpu";

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "Type of matrix products: ${COMPLETION-CANDIDATES} (default: f32).")
    private Precision dtype = Precision.f32;

    @Option(
            names = "--weights",
            paramLabel = "TYPE",
            description =
                    "Pack the weights as ${COMPLETION-CANDIDATES} (default: as they are stored).")
    private OpeningOptions.WeightType weights;

    @Option(
            names = "--not-yet",
            paramLabel = "FILE",
            description =
                    "Cases that are not supported yet: a glob and a reason in each line. They are run, not counted, and must fail.")
    private Path notYetFile;

    private int passed;
    private int failed;

    @Override
    public Integer call() throws IOException {
        NotYetList notYet = notYetFile == null ? NotYetList.EMPTY : NotYetList.read(notYetFile);
        List<Path> cases = cases();
        ComputeType compute = dtype == Precision.f32 ? ComputeType.F32 : ComputeType.BF16;
        PrintWriter out = spec.commandLine().getOut();
        try (Device device = device();
                Bars bars = Bars.ofThings()) {
            Verifier verifier =
                    new Verifier(device, compute, weights == null ? null : weights.dtype());
            for (int i = 0; i < cases.size(); i++) {
                bars.at("cases", i, cases.size());
                CaseResult result = verifier.run(cases.get(i));
                Optional<String> reason = notYet.reason(result.name());
                if (reason.isPresent()) {
                    unsupported(result, reason.get(), out);
                } else {
                    result.verdicts().forEach(v -> print(result.name(), v, out));
                }
                out.flush();
            }
        }
        out.println(passed + " passed, " + failed + " failed");
        out.flush();
        return failed == 0 ? 0 : 1;
    }

    private Device device() {
        DeviceChoice choice;
        try {
            choice = DeviceChoice.of(backend);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--backend " + e.getMessage(), e);
        }
        return choice.open();
    }

    private List<Path> cases() throws IOException {
        List<Path> cases = new ArrayList<>();
        for (Path folder : folders) {
            List<Path> inside = List.of();
            if (Files.isDirectory(folder) && !Files.exists(folder.resolve(CASE_FILE))) {
                try (Stream<Path> children = Files.list(folder)) {
                    inside =
                            children.filter(c -> Files.exists(c.resolve(CASE_FILE)))
                                    .sorted()
                                    .toList();
                }
            }
            // What is no case is handed on as it is and fails with a reason.
            cases.addAll(inside.isEmpty() ? List.of(folder) : inside);
        }
        return cases;
    }

    private void unsupported(CaseResult result, String reason, PrintWriter out) {
        if (result.passed()) {
            failed++;
            out.printf("%-36s FAILED: passes, but %s lists it%n", result.name(), notYetFile);
        } else {
            out.printf("%-36s not supported yet: %s%n", result.name(), reason);
        }
    }

    private void print(String name, Verdict v, PrintWriter out) {
        String verdict;
        if (!v.judged()) {
            verdict = "not judged" + (v.why() == null ? "" : ": " + v.why());
        } else if (v.passed()) {
            passed++;
            verdict = "passed";
        } else {
            failed++;
            verdict = "FAILED: " + v.why();
        }
        out.printf(
                "%-36s %-24s %-18s %9s %9s  %s%n",
                name,
                v.tensor().isEmpty() ? "-" : v.tensor(),
                v.shape().isEmpty() ? "-" : v.shape().replace(" ", ""),
                number(v.relativeL2()),
                number(v.maxAbs()),
                verdict);
    }

    private static String number(double x) {
        return Double.isNaN(x) ? "-" : String.format(Locale.ROOT, "%.2e", x);
    }
}
