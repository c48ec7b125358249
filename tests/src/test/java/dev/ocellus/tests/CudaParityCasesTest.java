package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.device.CudaDevice;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.verify.Verifier;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;

/** The reference results in the repository on a GPU: the machine's own or the software one. */
class CudaParityCasesTest {
    private static CudaDevice device;

    @BeforeAll
    static void open() {
        SoftGpu.require();
        device = new CudaDevice(0);
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> float32() throws IOException {
        return tests(ComputeType.F32);
    }

    @TestFactory
    Stream<DynamicTest> bfloat16() throws IOException {
        return tests(ComputeType.BF16);
    }

    private static Stream<DynamicTest> tests(ComputeType compute) throws IOException {
        Verifier verifier = new Verifier(device, compute);
        return Repository.parityCases().stream()
                .map(
                        folder ->
                                DynamicTest.dynamicTest(
                                        name(folder), () -> verify(verifier, folder)));
    }

    private static String name(Path folder) {
        return folder.getFileName().toString();
    }

    private static void verify(Verifier verifier, Path folder) {
        assertThat(verifier.run(folder).verdicts())
                .isNotEmpty()
                .allMatch(v -> v.passed() || !v.judged());
    }
}
