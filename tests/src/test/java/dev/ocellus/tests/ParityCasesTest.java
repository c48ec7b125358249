package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.device.CpuDevice;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.verify.Verdict;
import dev.ocellus.verify.Verifier;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The reference results in the repository, on every provider that this machine has. */
class ParityCasesTest {
    private static final List<CpuDevice> DEVICES = new ArrayList<>();

    @BeforeAll
    static void open() {
        for (KernelProvider p : KernelProviders.available()) {
            DEVICES.add(new CpuDevice(p, WorkerPool.ofDefaultSize()));
        }
    }

    @AfterAll
    static void close() {
        DEVICES.forEach(CpuDevice::close);
        DEVICES.clear();
    }

    @TestFactory
    Stream<DynamicContainer> cases() throws IOException {
        List<Path> folders = Repository.parityCases();
        assertThat(folders).isNotEmpty();
        return DEVICES.stream()
                .map(d -> DynamicContainer.dynamicContainer(d.description(), tests(d, folders)));
    }

    private static Stream<DynamicTest> tests(CpuDevice device, List<Path> folders) {
        Verifier verifier = new Verifier(device, ComputeType.F32);
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
