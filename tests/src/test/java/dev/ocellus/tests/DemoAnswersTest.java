package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.Answer;
import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.generate.FinishReason;
import dev.ocellus.loader.config.JsonFile;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The bundled model gives the answers of the reference, text and ids, in float32. */
class DemoAnswersTest {
    private static Ocellus model;

    @BeforeAll
    static void open() {
        model =
                Ocellus.open(
                        Repository.DEMO, OpenOptions.DEFAULT.withCompute(OpenOptions.Compute.F32));
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @TestFactory
    Stream<DynamicTest> samples() {
        JsonNode samples = JsonFile.read(Repository.SAMPLES.resolve("samples.json")).get("samples");
        List<DynamicTest> tests = new ArrayList<>();
        for (JsonNode scene : samples) {
            Path image = Repository.SAMPLES.resolve(scene.get("image").textValue());
            for (JsonNode question : scene.get("questions")) {
                tests.add(
                        DynamicTest.dynamicTest(
                                scene.get("image").textValue()
                                        + " "
                                        + question.get("kind").textValue(),
                                () -> check(image, question)));
            }
        }
        assertThat(tests).hasSize(64);
        return tests.stream();
    }

    private static void check(Path image, JsonNode question) {
        StringBuilder streamed = new StringBuilder();
        Answer answer =
                model.chat(image, question.get("prompt").textValue()).stream(streamed::append);
        List<Integer> expected = new ArrayList<>();
        question.get("generated_ids").forEach(id -> expected.add(id.intValue()));
        assertThat(answer.tokenIds()).isEqualTo(expected);
        assertThat(answer.text()).isEqualTo(question.get("answer").textValue());
        assertThat(streamed.toString()).isEqualTo(answer.text());
        assertThat(answer.finishReason()).isEqualTo(FinishReason.STOP_TOKEN);
    }
}
