package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.device.CpuDevice;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.verify.Verdict;
import dev.ocellus.verify.Verifier;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The reference results in the repository, one of each kind. */
class ParityCasesTest {
    private static CpuDevice device;

    @BeforeAll
    static void open() {
        device = new CpuDevice();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    @TestFactory
    Stream<DynamicTest> cases() throws IOException {
        Verifier verifier = new Verifier(device, ComputeType.F32);
        List<Path> folders;
        try (Stream<Path> all = Files.list(Repository.ROOT.resolve(Path.of("tests", "cases")))) {
            folders = all.sorted().toList();
        }
        assertThat(folders).isNotEmpty();
        return folders.stream()
                .map(
                        folder ->
                                DynamicTest.dynamicTest(
                                        folder.getFileName().toString(),
                                        () ->
                                                assertThat(verifier.run(folder).verdicts())
                                                        .allMatch(Verdict::passed)));
    }
}
