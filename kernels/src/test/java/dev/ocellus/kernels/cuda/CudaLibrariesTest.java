package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.KernelProviders;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** What is loaded and what is missing, each in a process of its own. */
class CudaLibrariesTest {
    private static final Path DRIVER = Path.of("target/softgpu/libcuda.so.1").toAbsolutePath();

    @BeforeAll
    static void require() {
        SoftGpu.requireSoftware();
    }

    /** Prints the GPUs, or why there are none. */
    static final class ListGpus {
        public static void main(String[] args) {
            try {
                Gpu.list().forEach(System.out::println);
            } catch (CudaUnavailableException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    /** Chooses the CPU's kernels and names those of all. */
    static final class UseCpu {
        public static void main(String[] args) {
            System.out.println(KernelProviders.get().name() + KernelProviders.available().size());
        }
    }

    private static String run(Class<?> main, String classPath, String... options) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:TieredStopAtLevel=1"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", classPath, main.getName()));
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes());
            assertThat(process.waitFor()).as(output).isZero();
            return output;
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String classPath() {
        return System.getProperty("java.class.path");
    }

    /** The class path but what is named so. */
    private static String classPathWithout(String name) {
        return Arrays.stream(classPath().split(File.pathSeparator))
                .filter(entry -> !Path.of(entry).getFileName().toString().startsWith(name))
                .collect(Collectors.joining(File.pathSeparator));
    }

    @Test
    void thePropertyNamesTheDriver() {
        String output = run(ListGpus.class, classPath(), "-Docellus.cuda.preload=" + DRIVER);
        assertThat(output).startsWith("GPU 0, software GPU");
    }

    @Test
    void noDriver() {
        assertThat(run(ListGpus.class, classPath()))
                .startsWith("no NVIDIA driver: libcuda.so.1 cannot be loaded; install the driver");
    }

    @Test
    void aFileThatIsNotThereOrNoLibrary() {
        assertThat(run(ListGpus.class, classPath(), "-Docellus.cuda.preload=/no/such.so"))
                .startsWith("ocellus.cuda.preload names /no/such.so, which is no file");
        String source = Path.of("pom.xml").toAbsolutePath().toString();
        // After a line of the virtual machine's own.
        assertThat(run(ListGpus.class, classPath(), "-Docellus.cuda.preload=" + source))
                .contains("ocellus.cuda.preload names " + source + ", which cannot be loaded: ");
    }

    @Test
    void noJcuda(@TempDir Path empty) {
        String preload = "-Docellus.cuda.preload=" + DRIVER;
        assertThat(run(ListGpus.class, classPathWithout("jcuda-"), preload))
                .startsWith("JCuda is not on the class path; add org.jcuda:jcuda");
        // JCuda unpacks its natives there, and leaves them.
        String unpacked = "-Djava.io.tmpdir=" + empty;
        assertThat(run(ListGpus.class, classPathWithout("jcuda-natives"), preload, unpacked))
                .contains("JCuda's native library cannot be loaded; add org.jcuda:jcuda-natives");
    }

    @Test
    void whoeverUsesNoGpuLoadsNothingOfIt() {
        String output = run(UseCpu.class, classPath(), "-Xlog:class+load,library=info");
        assertThat(output)
                .contains("dev.ocellus.kernels.KernelProviders")
                .doesNotContainIgnoringCase("loaded jcuda")
                .doesNotContain(" jcuda.")
                .doesNotContain("dev.ocellus.kernels.cuda.Gpu")
                .doesNotContain("libcuda");
    }
}
