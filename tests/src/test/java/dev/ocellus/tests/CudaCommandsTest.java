package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.loader.config.JsonFile;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The commands on a GPU: the machine's own or the software one. */
class CudaCommandsTest {
    private static final Path DEMO = Repository.DEMO;
    private static final Path IMAGE = Repository.SAMPLES.resolve("scene-2.png");

    @TempDir private Path folder;

    @BeforeAll
    static void require() {
        SoftGpu.require();
    }

    private static JsonNode json(Object... arguments) {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.err()).isEmpty();
        assertThat(result.code()).isZero();
        return JsonFile.parse("output", result.out());
    }

    @Test
    void chatAnswersAsOnTheProcessor() {
        for (String type : new String[] {"f32", "bf16"}) {
            Cli.Result result =
                    Cli.run(
                            "chat",
                            DEMO,
                            "--device",
                            "cuda",
                            "--compute",
                            type,
                            "--image",
                            IMAGE,
                            "Describe the image.");
            assertThat(result.out().strip())
                    .isEqualTo("a large yellow star left of a small pink triangle");
            assertThat(result.code()).isZero();
        }
    }

    @Test
    void chatAnswersWithF8WeightsPackedAtOpeningOrBefore() {
        Path packed = folder.resolve("packed");
        assertThat(Cli.run("quantize", DEMO, "-o", packed, "--type", "f8").code()).isZero();
        Object[][] models = {{DEMO, "--weights", "f8"}, {packed, "--compute", "auto"}};
        for (Object[] model : models) {
            Cli.Result result =
                    Cli.run(
                            "chat",
                            model[0],
                            model[1],
                            model[2],
                            "--device",
                            "cuda",
                            "--image",
                            IMAGE,
                            "Describe the image.");
            assertThat(result.out().strip())
                    .as(result.err())
                    .isEqualTo("a large yellow star left of a small pink triangle");
        }
    }

    @Test
    void verifyTakesBothNamesOfTheOption() {
        Path good = Repository.ROOT.resolve("tests/cases/ivl-quiet-chat");
        for (String option : new String[] {"--backend", "--device"}) {
            Cli.Result result = Cli.run("verify", option, "cuda:0", good);
            assertThat(result.out()).doesNotContain("FAILED");
            assertThat(result.code()).isZero();
        }
    }

    @Test
    void infoAndDevicesNameTheGpu() {
        JsonNode info = json("info", DEMO, "--device", "cuda", "--json");
        assertThat(info.get("device").textValue()).startsWith("cuda:0, ").contains("products by");

        JsonNode gpu = json("devices", "--json").get("devices").get(1);
        assertThat(gpu.get("device").textValue()).isEqualTo("cuda:0");
        assertThat(gpu.get("free_memory_bytes").longValue()).isPositive();
        assertThat(info.get("device").textValue()).contains(gpu.get("name").textValue());
        assertThat(Cli.run("devices").out()).contains("cuda:0", gpu.get("products").textValue());
    }

    @Test
    void benchMeasuresBesideTheGpu() throws IOException {
        Path page = folder.resolve("bench.html");
        Path trace = folder.resolve("trace.json");
        JsonNode bench =
                json(
                        "bench",
                        DEMO,
                        "--device",
                        "cuda",
                        "--prompt",
                        5,
                        "--new",
                        2,
                        "--rounds",
                        1,
                        "--report",
                        page,
                        "--trace",
                        trace,
                        "--json");

        assertThat(bench.get("results").findValuesAsText("work"))
                .containsExactly("prefill 5", "decode at 5", "image of 1 tile");
        JsonNode limits = bench.get("machine").get(0);
        assertThat(limits.get("bytes_per_second").doubleValue()).isPositive();
        assertThat(limits.get("f32_flops_per_second").doubleValue()).isNotNegative();
        assertThat(JsonFile.read(trace).get("traceEvents")).hasSizeGreaterThan(50);
        assertThat(Files.readString(page)).contains("reading memory, the device");
    }

    @Test
    void severalNumbersOfThreadsAreForTheProcessor() {
        Cli.Result result = Cli.run("bench", DEMO, "--device", "cuda", "--threads", "1,2");
        assertThat(result.err()).contains("is for the processor; leave out --device cuda:0");
        assertThat(result.code()).isEqualTo(2);
    }
}
