package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.loader.WeightTypes;
import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.quantize.Quantizer;
import dev.ocellus.tensor.DType;
import dev.ocellus.verify.CaseResult;
import dev.ocellus.verify.ParityCase;
import dev.ocellus.verify.Verdict;
import dev.ocellus.verify.Verifier;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Models with packed and rounded weights, opened so and written so. */
class QuantizedModelsTest {
    private static final Path CASES = Repository.ROOT.resolve(Path.of("tests", "cases"));
    private static CpuDevice device;

    @TempDir private Path folder;

    @BeforeAll
    static void open() {
        device = new CpuDevice();
    }

    @AfterAll
    static void close() {
        device.close();
    }

    private static Verifier verifier(DType weights) {
        return new Verifier(device, ComputeType.F32, weights);
    }

    /** A case whose model is a packed copy. */
    private Path packedCase(Path original, DType type) throws IOException {
        Path copy = Files.createDirectories(folder.resolve(original.getFileName() + "-" + type));
        for (String name : List.of("inputs.safetensors", "expected.safetensors")) {
            if (Files.exists(original.resolve(name))) {
                Files.copy(original.resolve(name), copy.resolve(name));
            }
        }
        ObjectNode json = (ObjectNode) JsonFile.read(original.resolve("case.json"));
        JsonFile.write(copy.resolve("case.json"), json.put("model", "model"));
        Quantizer.write(
                ParityCase.read(original).modelFolder(),
                copy.resolve("model"),
                new Quantizer.Options(WeightTypes.of(type), 20_000),
                null);
        return copy;
    }

    /** The joined matrices of InternLM2 and Phi-3, tied and separate embeddings, all layouts. */
    @ParameterizedTest
    @CsvSource({
        "ivl-quiet-internlm2, Q8",
        "ivl-quiet-internlm2, Q4",
        "ivl-quiet-llama, Q4",
        "ivl-quiet-qwen3, BF16",
        "ivl-llm-phi3-short, Q8",
        "ivl-llm-phi3-short, BF16",
        "ivl-llm-qwen2-bf16-sharded, Q8",
        "ivl-quiet-vit-6b, BF16",
        "ivl-quiet-chat, Q4",
        "ivl-quiet-clip-vision, Q8"
    })
    void aPackedFolderGivesTheSameBitsAsPackingAtOpening(String name, DType type)
            throws IOException {
        CaseResult opened = verifier(type).run(CASES.resolve(name));
        CaseResult packed = verifier(null).run(packedCase(CASES.resolve(name), type));

        assertThat(opened.passed()).as("within the limits: %s", opened).isTrue();
        assertThat(packed.verdicts()).hasSameSizeAs(opened.verdicts());
        for (int i = 0; i < packed.verdicts().size(); i++) {
            Verdict a = opened.verdicts().get(i);
            Verdict b = packed.verdicts().get(i);
            assertThat(b.tensor()).isEqualTo(a.tensor()).isNotEmpty();
            assertThat(b.relativeL2()).as(a.tensor()).isEqualTo(a.relativeL2());
            assertThat(b.maxAbs()).as(a.tensor()).isEqualTo(a.maxAbs());
        }
    }

    /** Rounding shows: these limits are not met by accident of nothing being rounded. */
    @ParameterizedTest
    @CsvSource({"Q8, 1e-3, 5e-2", "Q4, 2e-2, 4e-1", "BF16, 5e-4, 1e-2"})
    void roundedWeightsDifferWithinTheirLimits(DType type, double least, double most) {
        CaseResult result = verifier(type).run(CASES.resolve("ivl-quiet-llama"));

        Verdict logits =
                result.verdicts().stream()
                        .filter(v -> v.tensor().equals("logits"))
                        .findFirst()
                        .orElseThrow();
        assertThat(logits.relativeL2()).isBetween(least, most);
    }

    @Test
    void theDemoModelStillAnswersInQ8() {
        int right = answers(OpenOptions.DEFAULT.withWeights(DType.Q8), Repository.DEMO);

        assertThat(right).isGreaterThanOrEqualTo(62);
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8", "Q4"})
    void theDemoModelAnswersTheSameFromAPackedFolder(DType type) {
        Path packed = folder.resolve("demo");
        Quantizer.write(
                Repository.DEMO,
                packed,
                new Quantizer.Options(WeightTypes.of(type), Long.MAX_VALUE),
                null);

        assertThat(answers(OpenOptions.DEFAULT, packed))
                .isEqualTo(answers(OpenOptions.DEFAULT.withWeights(type), Repository.DEMO));
    }

    /** How many of the samples' questions are answered with the reference's tokens. */
    private static int answers(OpenOptions options, Path demo) {
        int right = 0;
        try (Ocellus model = Ocellus.open(demo, options.withDevice(device))) {
            JsonNode samples = JsonFile.read(Repository.SAMPLES.resolve("samples.json"));
            for (JsonNode scene : samples.get("samples")) {
                Path image = Repository.SAMPLES.resolve(scene.get("image").textValue());
                for (JsonNode question : scene.get("questions")) {
                    String text = model.chat(image, question.get("prompt").textValue()).text();
                    right += text.equals(question.get("answer").textValue()) ? 1 : 0;
                }
            }
        }
        return right;
    }
}
