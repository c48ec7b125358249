package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.loader.config.JsonFile;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.w3c.dom.Document;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import javax.xml.parsers.DocumentBuilderFactory;

/** The commands do what their help says. */
class CommandsTest {
    private static final Path DEMO = Repository.DEMO;
    private static final Path IMAGE = Repository.SAMPLES.resolve("scene-2.png");

    @TempDir private Path folder;

    private static JsonNode json(Object... arguments) {
        Cli.Result result = Cli.run(arguments);
        assertThat(result.err()).isEmpty();
        assertThat(result.code()).isZero();
        return JsonFile.parse("output", result.out());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "demo",
                "chat",
                "info",
                "inspect",
                "graph",
                "bench",
                "verify",
                "devices",
                "quantize",
                "make-random"
            })
    void everyCommandHasHelp(String command) {
        Cli.Result result = Cli.run(command, "--help");

        assertThat(result.out()).contains("Usage: ocellus " + command);
        assertThat(result.err()).isEmpty();
        assertThat(result.code()).isZero();
        assertThat(Cli.run().out()).containsPattern("\\n  " + command + " +[A-Z]");
    }

    @Test
    void chatStreamsAnAnswerAndFigures() {
        Cli.Result result =
                Cli.run("chat", DEMO, "--image", IMAGE, "--compute", "f32", "Describe the image.");

        assertThat(result.out().strip())
                .isEqualTo("a large yellow star left of a small pink triangle");
        assertThat(result.err()).contains("11 tokens", "tokens/s", "prompt of 31");
        assertThat(result.code()).isZero();
    }

    @Test
    void chatAnswersInJson() {
        JsonNode answer =
                json(
                        "chat",
                        DEMO,
                        "--image",
                        IMAGE,
                        "--compute",
                        "f32",
                        "--max-tokens",
                        3,
                        "--json",
                        "Describe the image.");

        assertThat(answer.get("text").textValue()).isEqualTo("a large yellow");
        assertThat(answer.get("token_ids")).hasSize(3);
        assertThat(answer.get("finish_reason").textValue()).isEqualTo("max_tokens");
        assertThat(answer.get("prompt_tokens").intValue()).isEqualTo(31);
    }

    @Test
    void stopTextEndsTheAnswer() {
        Cli.Result result =
                Cli.run(
                        "chat",
                        DEMO,
                        "--image",
                        IMAGE,
                        "--compute",
                        "f32",
                        "--stop",
                        "left",
                        "--quiet",
                        "Describe the image.");

        assertThat(result.out().strip()).isEqualTo("a large yellow star");
        assertThat(result.err()).isEmpty();
    }

    @Test
    void infoKnowsPartsAndMemory() {
        JsonNode info = json("info", DEMO, "--json");

        assertThat(info.get("architecture").textValue())
                .isEqualTo("InternVLForConditionalGeneration");
        assertThat(info.get("parameters").longValue()).isEqualTo(2_676_160);
        assertThat(info.get("parameters_by_dtype").get("bf16").longValue()).isEqualTo(2_676_160);
        assertThat(info.get("parts")).hasSize(3);
        long parts = 0;
        for (JsonNode part : info.get("parts")) {
            parts += part.get("parameters").longValue();
        }
        assertThat(parts).isEqualTo(2_676_160);
        assertThat(info.get("context_tokens").longValue()).isEqualTo(2048);
        JsonNode memory = info.get("memory_bytes");
        assertThat(memory.get("weights").longValue()).isBetween(5_000_000L, 6_000_000L);
        assertThat(memory.get("tile_features").longValue()).isEqualTo(16 * 128 * 4);
        assertThat(Cli.run("info", DEMO).out()).contains("2.68 M (bf16)", "key/value cache");
    }

    @Test
    void infoOfAVisionTowerAlone() {
        JsonNode info = json("info", caseModel("ivl-quiet-vit-300m"), "--json");

        assertThat(info.get("capabilities")).isEmpty();
        assertThat(info.get("parts")).hasSize(1);
        assertThat(info.get("cache_type").isNull()).isTrue();
    }

    private static Path caseModel(String name) {
        return Repository.ROOT.resolve(Path.of("tests", "cases", name, "model"));
    }

    @Test
    void inspectFiltersAndReads() {
        JsonNode found =
                json(
                        "inspect",
                        DEMO,
                        "--filter",
                        "*.layers.?.mlp.*",
                        "--regex",
                        "down|up",
                        "--statistics",
                        "--values",
                        2,
                        "--json");

        assertThat(found.get("tensors")).hasSize(8);
        JsonNode first = found.get("tensors").get(0);
        assertThat(first.get("dtype").textValue()).isEqualTo("BF16");
        assertThat(first.get("shape")).hasSize(2);
        assertThat(first.get("values")).hasSize(2);
        JsonNode statistics = first.get("statistics");
        assertThat(statistics.get("not_finite").longValue()).isZero();
        assertThat(statistics.get("least").doubleValue())
                .isLessThan(statistics.get("most").doubleValue());
        assertThat(Cli.run("inspect", DEMO).out()).contains("132 of 132 tensors", "in 1 file");
    }

    @ParameterizedTest
    @ValueSource(strings = {"vision", "prefill", "decode"})
    void graphIsDrawnAndCounted(String part) throws IOException {
        JsonNode counted = json("graph", DEMO, "--part", part, "--format", "json");
        assertThat(counted.get("steps").size()).isGreaterThan(5);
        long flops = 0;
        for (JsonNode step : counted.get("steps")) {
            flops += step.get("flops").longValue();
        }
        assertThat(counted.get("total").get("flops").longValue()).isEqualTo(flops).isPositive();

        assertThat(Cli.run("graph", DEMO, "--part", part, "--format", "dot").out())
                .startsWith("digraph")
                .endsWith("}\n");
        Path svg = folder.resolve("graph.svg");
        assertThat(Cli.run("graph", DEMO, "--part", part, "--format", "svg", "-o", svg).code())
                .isZero();
        assertThat(Files.readString(svg)).startsWith("<svg").endsWith("</svg>\n");
        assertThat(Cli.run("graph", DEMO, "--part", part).out()).contains("total");
    }

    @Test
    void devicesNamesTheKernelsInUse() {
        JsonNode cpu = json("devices", "--json").get("devices").get(0);

        assertThat(cpu.get("device").textValue()).isEqualTo("cpu");
        assertThat(cpu.get("threads").intValue()).isPositive();
        assertThat(cpu.get("huge_pages").get("got").doubleValue()).isBetween(0.0, 1.0);
        assertThat(cpu.get("memory_nodes").intValue()).isNotNegative();
        assertThat(Cli.run("devices").out())
                .contains(cpu.get("kernels").textValue() + " (in use)")
                // Either a GPU or why there is none.
                .containsPattern("\\ncuda(:0\\n  name|\\n  none: )");
    }

    @Test
    void benchMeasuresEachWorkBesideTheMachine() {
        Path trace = folder.resolve("trace.json");
        Path file = folder.resolve("bench.json");
        JsonNode bench =
                json(
                        "bench",
                        DEMO,
                        "--prompt",
                        "5,9",
                        "--new",
                        4,
                        "--sessions",
                        3,
                        "--rounds",
                        1,
                        "--opening",
                        "--trace",
                        trace,
                        "--json-file",
                        file,
                        "--json");

        assertThat(bench.get("results").findValuesAsText("work"))
                .containsExactly(
                        "prefill 5",
                        "decode at 5",
                        "decode at 5, 3 sessions",
                        "prefill 9",
                        "decode at 9",
                        "decode at 9, 3 sessions",
                        "image of 1 tile");
        for (JsonNode result : bench.get("results")) {
            assertThat(result.get("seconds").doubleValue()).isPositive();
            assertThat(result.get("flops").longValue()).isPositive();
        }
        assertThat(bench.get("waiting").findValuesAsText("prompt_tokens"))
                .containsExactly("5", "9");
        for (JsonNode waiting : bench.get("waiting")) {
            assertThat(waiting.get("alone").get("median_seconds").doubleValue()).isPositive();
            assertThat(waiting.get("sessions")).hasSize(3);
        }
        JsonNode opening = bench.get("opening");
        for (String time : List.of("seconds", "packing_seconds", "read_fresh_seconds")) {
            assertThat(opening.get(time).doubleValue()).isPositive();
        }
        assertThat(opening.get("seconds").doubleValue())
                .isGreaterThan(opening.get("packing_seconds").doubleValue());
        assertThat(bench.get("machine").get(0).get("bytes_per_second").doubleValue()).isPositive();
        assertThat(JsonFile.read(trace).get("traceEvents")).hasSizeGreaterThan(50);
        assertThat(JsonFile.read(file)).isEqualTo(bench);
    }

    @Test
    void benchComparesNumbersOfThreadsAndWritesAReport() throws Exception {
        Path page = folder.resolve("bench.html");
        JsonNode bench =
                json(
                        "bench",
                        DEMO,
                        "--prompt",
                        5,
                        "--new",
                        2,
                        "--rounds",
                        1,
                        "--threads",
                        "1,2",
                        "--report",
                        page,
                        "--json");

        assertThat(bench.get("machine").findValuesAsText("threads")).containsExactly("1", "2");
        assertThat(bench.get("results")).hasSize(6);
        for (JsonNode result : bench.get("results")) {
            boolean compared = result.get("threads").intValue() == 2;
            assertThat(result.has("speedup")).isEqualTo(compared);
        }
        Document document =
                DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(page.toFile());
        assertThat(document.getElementsByTagName("h1").item(0).getTextContent())
                .contains("internvl-shapes");
        assertThat(Files.readString(page))
                .contains("decode at 5: ", "image of 1 tile: ", "attention", "float32")
                .doesNotContain("NaN");
    }

    @Test
    void onlyBenchTakesSeveralNumbersOfThreads() {
        Cli.Result info = Cli.run("info", DEMO, "--threads", "1,2");
        assertThat(info.code()).isEqualTo(2);
        assertThat(info.err()).contains("--threads takes one number");
    }

    @Test
    void quantizedCopiesCanBeUsed() {
        Path out = folder.resolve("packed");
        JsonNode report =
                json(
                        "quantize",
                        DEMO,
                        "-o",
                        out,
                        "--type",
                        "q4",
                        "--tensor",
                        "*.down_proj.*=q8",
                        "--tensor",
                        "*.o_proj.*=stored",
                        "--shard-bytes",
                        1_000_000,
                        "--json");

        assertThat(report.get("compression").doubleValue()).isGreaterThan(1.2);
        assertThat(report.get("matrices")).hasSize(55);
        for (JsonNode m : report.get("matrices")) {
            String name = m.get("name").textValue();
            String to = m.get("to").textValue();
            boolean language = name.startsWith("language_model.model.layers.");
            assertThat(to)
                    .as(name)
                    .isEqualTo(
                            name.contains("down_proj") || name.contains("embed_tokens")
                                    ? "Q8"
                                    : language && !name.contains("o_proj") ? "Q4" : "BF16");
            assertThat(m.get("relative_rms_error").doubleValue())
                    .as(name)
                    .isBetween(
                            to.equals("BF16") ? 0.0 : 1e-3,
                            to.equals("Q4") ? 0.1 : to.equals("Q8") ? 1e-2 : 0.0);
        }
        assertThat(json("info", out, "--json").get("parameters").longValue()).isEqualTo(2_676_160);
        JsonNode stored =
                json(
                        "inspect",
                        out,
                        "--filter",
                        "*.0.mlp.up_proj.*",
                        "--values",
                        3,
                        "--statistics",
                        "--json");
        JsonNode tensor = stored.get("tensors").get(0);
        assertThat(tensor.get("dtype").textValue()).isEqualTo("Q4");
        assertThat(tensor.get("shape").get(0).intValue()).isEqualTo(384);
        assertThat(tensor.get("values")).hasSize(3);
        assertThat(tensor.get("statistics").get("most").doubleValue()).isPositive();
        Cli.Result answer = Cli.run("chat", out, "-i", IMAGE, "Describe the image.");
        assertThat(answer.out()).as(answer.err()).contains("yellow star");

        Cli.Result again = Cli.run("quantize", out, "-o", folder.resolve("twice"));
        assertThat(again.err()).contains("packed already").hasLineCount(1);
        assertThat(folder.resolve("twice")).doesNotExist();
        assertThat(Cli.run("info", out, "--weights", "q8").err()).contains("packed already");
        assertThat(Cli.run("quantize", DEMO, "-o", out).err()).contains("is not empty");
        assertThat(Cli.run("quantize", DEMO, "-o", folder, "--tensor", "a=b").code()).isEqualTo(2);
    }

    @Test
    void theProcessorRefusesWeightsOfF8() {
        Path out = folder.resolve("packed");
        assertThat(Cli.run("quantize", DEMO, "-o", out, "--type", "f8").code()).isZero();
        for (Cli.Result result :
                List.of(
                        Cli.run("chat", DEMO, "--weights", "f8", "--device", "cpu", "hello"),
                        Cli.run("chat", out, "--device", "cpu", "hello"))) {
            assertThat(result.code()).isEqualTo(1);
            assertThat(result.err())
                    .hasLineCount(1)
                    .contains("f8", "--device cuda", "--weights q8");
        }
    }

    @Test
    void randomCheckpointsCanBeUsed() {
        Path out = folder.resolve("random");
        Path config = Repository.DEMO.resolve("config.json");

        assertThat(Cli.run("make-random", config, "--dtype", "f32", "-o", out).code()).isZero();
        JsonNode info = json("info", out, "--json");
        assertThat(info.get("parameters_by_dtype").get("f32").longValue()).isEqualTo(2_676_160);
        Cli.Result answer = Cli.run("chat", out, "-i", IMAGE, "--max-tokens", 2, "hello");
        assertThat(answer.code()).as(answer.err()).isZero();

        Cli.Result again = Cli.run("make-random", config, "-o", out);
        assertThat(again.err()).contains("has weights already");
        assertThat(again.code()).isEqualTo(1);
        assertThat(Cli.run("make-random", "--list").out()).contains("internvl3-8b");
    }
}
