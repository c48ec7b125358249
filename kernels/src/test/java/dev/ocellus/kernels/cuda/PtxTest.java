package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * The committed PTX is that of the committed sources. Checksums say so everywhere; where the nvcc
 * that wrote it is installed, the PTX is made again and compared.
 */
class PtxTest {
    /** Exit code of the script where it cannot compare. */
    private static final int CANNOT_TELL = 2;

    /** One line of the manifest; the file is named as seen from the folder of the sources. */
    private record Checksum(String module, String sha256, String file) {
        Path path() {
            return (file.endsWith(".ptx") ? PtxFiles.PTX : PtxFiles.SOURCES).resolve(file);
        }
    }

    @Test
    void everyFamilyHasItsPtx() throws IOException {
        assertThat(PtxFiles.modules().stream().map(PtxFiles::family).distinct())
                .isEqualTo(PtxFiles.sources());
    }

    @TestFactory
    Stream<DynamicTest> ptxIsOfTheseSources() throws IOException {
        List<String> modules = PtxFiles.modules();
        List<Checksum> manifest = manifest();
        return modules.stream()
                .map(m -> DynamicTest.dynamicTest(m, () -> checkModule(m, manifest)));
    }

    @Test
    void madeAgainItIsTheSame() throws IOException, InterruptedException {
        PtxFiles.modules();
        Process script =
                new ProcessBuilder("sh", PtxFiles.SOURCES.resolve("ptx.sh").toString(), "--check")
                        .redirectErrorStream(true)
                        .start();
        String said = new String(script.getInputStream().readAllBytes());
        int code = script.waitFor();
        assumeTrue(code != CANNOT_TELL, said);
        assertThat(code).as(said).isZero();
    }

    private static void checkModule(String module, List<Checksum> manifest)
            throws IOException, NoSuchAlgorithmException {
        List<Checksum> own = manifest.stream().filter(c -> c.module().equals(module)).toList();
        assertThat(own)
                .extracting(Checksum::file)
                .contains(PtxFiles.family(module) + ".cu", module + ".ptx");
        for (Checksum c : own) {
            assertThat(sha256(c.path()))
                    .as("%s has changed since %s.ptx was made: run cuda/ptx.sh", c.file(), module)
                    .isEqualTo(c.sha256());
        }
    }

    /**
     * The first line names the compiler; each other one is the name of PTX, a checksum and a file.
     */
    private static List<Checksum> manifest() throws IOException {
        try (Stream<String> lines = Files.lines(PtxFiles.SOURCES.resolve("ptx.sha256"))) {
            return lines.skip(1)
                    .map(line -> line.split(" +"))
                    .map(part -> new Checksum(part[0], part[1], part[2]))
                    .toList();
        }
    }

    private static String sha256(Path file) throws IOException, NoSuchAlgorithmException {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
        return HexFormat.of().formatHex(digest);
    }
}
