package dev.ocellus.kernels.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

class NativeProviderTest {
    private static final String LIBRARY = NativeLibrary.LIBRARY_PROPERTY;
    private static final String ISA = NativeProvider.ISA_PROPERTY;

    @BeforeEach
    void nativeKernelsAreBuilt() {
        assumeTrue(NativeProvider.find().provider().isPresent(), NativeProvider.find().reason());
    }

    @AfterEach
    void clear() {
        System.clearProperty(LIBRARY);
        System.clearProperty(ISA);
    }

    private static String reason() {
        NativeProvider.Search search = NativeProvider.find();
        assertThat(search.provider()).isEmpty();
        return search.reason();
    }

    @Test
    void aProviderSaysWhatItIs() {
        NativeProvider.Search search = NativeProvider.find();
        assertThat(search.reason()).isEmpty();
        NativeProvider provider = search.provider().orElseThrow();
        assertThat(provider.name()).isEqualTo("native");
        assertThat(provider.description()).contains(provider.instructionSet(), "libocellus.so");
    }

    @Test
    void anInstructionSetCanBeForced() {
        String worst = NativeProvider.find().provider().orElseThrow().instructionSet();
        worst = worst.startsWith("avx") ? "avx2" : worst;
        System.setProperty(ISA, worst);
        assertThat(NativeProvider.find().provider().orElseThrow().instructionSet())
                .isEqualTo(worst);
        assertThat(NativeProvider.find(worst).provider().orElseThrow().instructionSet())
                .isEqualTo(worst);
    }

    @Test
    void anInstructionSetThatIsNotThereIsAReason() {
        System.setProperty(ISA, "sse9");
        assertThat(reason()).contains(ISA, "sse9", "this processor has");
    }

    @Test
    void aMissingLibraryIsAReason() {
        System.setProperty(LIBRARY, "/nowhere/libocellus.so");
        assertThat(reason()).contains(LIBRARY, "/nowhere/libocellus.so");
    }

    @Test
    void aFileThatIsNoLibraryIsAReason(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("bad.so"), "no library");
        System.setProperty(LIBRARY, file.toString());
        assertThat(reason()).contains("cannot load", file.toString());
    }

    @Test
    void structuresHaveTheFieldsOfTheRecords() {
        assertThat(Arguments.fields(KernelCall.Activate.class)).isEqualTo(9);
        assertThat(KernelCall.class.getPermittedSubclasses()).hasSizeGreaterThan(10);
        // Opening the library compares them; a difference would be the reason.
        assertThat(NativeProvider.find().reason()).isEmpty();
    }

    /** Several processes at once load the library from a jar, and none leaves a file behind. */
    @Test
    void loadingFromAJarLeavesNothingBehind(@TempDir Path directory) throws Exception {
        Path jar = directory.resolve("kernels.jar");
        Path temporary = Files.createDirectory(directory.resolve("tmp"));
        pack(classes(), jar);
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            processes.add(
                    new ProcessBuilder(
                                    Path.of(System.getProperty("java.home"), "bin", "java")
                                            .toString(),
                                    "--enable-native-access=ALL-UNNAMED",
                                    "-Djava.io.tmpdir=" + temporary,
                                    "-cp",
                                    jar + java.io.File.pathSeparator + testClasses(),
                                    LoadFromJar.class.getName())
                            .redirectErrorStream(true)
                            .start());
        }
        for (Process process : processes) {
            String output = new String(process.getInputStream().readAllBytes());
            assertThat(process.waitFor()).as(output).isZero();
            assertThat(output).contains("loaded /native/");
        }
        try (Stream<Path> left = Files.list(temporary)) {
            assertThat(left.filter(f -> f.toString().endsWith(".so"))).isEmpty();
        }
    }

    /** What the processes of the test above run. */
    static final class LoadFromJar {
        public static void main(String[] arguments) {
            NativeProvider.Search search = NativeProvider.find();
            String source =
                    search.provider()
                            .orElseThrow(() -> new IllegalStateException(search.reason()))
                            .description();
            URL url = NativeProvider.class.getResource("NativeProvider.class");
            if (!url.getProtocol().equals("jar")) {
                throw new IllegalStateException("not run from a jar but from " + url);
            }
            System.out.println("loaded " + source.substring(source.indexOf('/')));
        }
    }

    private static Path classes() throws URISyntaxException {
        return Path.of(
                NativeProvider.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    private static Path testClasses() throws URISyntaxException {
        return Path.of(
                NativeProviderTest.class
                        .getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .toURI());
    }

    private static void pack(Path classes, Path jar) throws IOException {
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(file);
                Stream<Path> files = Files.walk(classes)) {
            for (Path path : files.filter(Files::isRegularFile).toList()) {
                out.putNextEntry(new JarEntry(classes.relativize(path).toString()));
                Files.copy(path, out);
            }
        }
    }

    private static KernelCall.MatMul matMul(DType type, ComputeType compute, long rows, long k) {
        return new KernelCall.MatMul(
                0, k, 0, type, 0, 0, 0, 0, 0, 16, rows, 0, 16, k, compute, Activation.NONE, 0);
    }

    @Test
    void scratchMemoryHoldsThePackedRows() {
        NativeProvider provider = NativeProvider.find().provider().orElseThrow();
        assertThat(provider.scratchBytes(matMul(DType.F32, ComputeType.F32, 1, 7))).isZero();
        assertThat(provider.scratchBytes(matMul(DType.F32, ComputeType.F32, 3, 8))).isEqualTo(96);
        assertThat(provider.scratchBytes(matMul(DType.BF16, ComputeType.BF16, 1, 7))).isEqualTo(32);
        assertThat(provider.scratchBytes(matMul(DType.Q4, ComputeType.INT8, 3, 65))).isEqualTo(480);
    }

    @Test
    void whatNoKernelTakesIsRefused() {
        NativeProvider provider = NativeProvider.find().provider().orElseThrow();
        assertThatThrownBy(
                        () ->
                                provider.bind(
                                        matMul(DType.F16, ComputeType.BF16, 1, 8),
                                        0,
                                        Arena.global()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("BF16");
        assertThatThrownBy(
                        () ->
                                provider.bind(
                                        matMul(DType.Q8, ComputeType.F32, 1, 8), 0, Arena.global()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("INT8 go together, not Q8 and F32");
        assertThatThrownBy(
                        () ->
                                provider.bind(
                                        matMul(DType.F8, ComputeType.F16, 1, 8), 0, Arena.global()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no products with F8");
        assertThatThrownBy(
                        () ->
                                provider.bind(
                                        matMul(DType.I8, ComputeType.F32, 1, 8), 0, Arena.global()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("I8");
        assertThatThrownBy(
                        () ->
                                provider.bind(
                                        new KernelCall.Attention(
                                                0,
                                                0,
                                                0,
                                                0,
                                                0,
                                                0,
                                                0,
                                                0,
                                                1,
                                                0,
                                                1,
                                                1,
                                                1,
                                                1,
                                                257,
                                                1,
                                                ComputeType.F32),
                                        0,
                                        Arena.global()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("257");
    }
}
