package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import jcuda.nvptxcompiler.JNvPTXCompiler;
import jcuda.nvptxcompiler.nvPTXCompilerHandle;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * The oldest driver served takes the PTX: JCuda's natives hold the compiler of CUDA 12.0, which is
 * that of driver 525. Needs neither a GPU nor a driver.
 */
class PtxOldestDriverTest {

    @BeforeAll
    static void compilerIsThere() {
        try {
            int[] major = new int[1];
            int[] minor = new int[1];
            JNvPTXCompiler.nvPTXCompilerGetVersion(major, minor);
            assertThat(major[0] + "." + minor[0]).isEqualTo("12.0");
        } catch (UnsatisfiedLinkError e) {
            abort("PTX not compiled for driver 525: this system has no natives of JCuda");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"sm_80", "sm_90", "sm_90a"})
    void compilesWhatIsForTheArchitecture(String architecture) throws IOException {
        PtxFiles.modules().parallelStream()
                .filter(m -> PtxFiles.isFor(m, architecture))
                .forEach(m -> assertThat(errors(PtxFiles.text(m), architecture)).as(m).isEmpty());
    }

    @ParameterizedTest
    @ValueSource(strings = {".version 8.1", ".version 9.0"})
    void refusesNewerPtx(String version) {
        String ptx = version + "\n.target sm_80\n.address_size 64\n";
        assertThat(errors(ptx, "sm_80")).contains("Unsupported .version");
    }

    /** What the compiler has to say against the PTX. */
    private static String errors(String ptx, String architecture) {
        JNvPTXCompiler.setExceptionsEnabled(false);
        byte[] text = (ptx + '\0').getBytes(StandardCharsets.US_ASCII);
        nvPTXCompilerHandle compiler = new nvPTXCompilerHandle();
        assertThat(JNvPTXCompiler.nvPTXCompilerCreate(compiler, text.length, text)).isZero();
        try {
            String[] options = {"--gpu-name=" + architecture};
            int result = JNvPTXCompiler.nvPTXCompilerCompile(compiler, options.length, options);
            long[] size = new long[1];
            JNvPTXCompiler.nvPTXCompilerGetErrorLogSize(compiler, size);
            byte[] log = new byte[Math.toIntExact(size[0]) + 1];
            if (size[0] > 0) {
                JNvPTXCompiler.nvPTXCompilerGetErrorLog(compiler, log);
            }
            String said = new String(log, StandardCharsets.UTF_8).replace("\0", "");
            return result == 0 || !said.isEmpty() ? said : "error " + result;
        } finally {
            JNvPTXCompiler.nvPTXCompilerDestroy(compiler);
        }
    }
}
