package dev.ocellus.loader.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

class JsonTest {
    private final Json json =
            parse(
                    """
                    {"n": 7, "zero": 0, "x": 1.5, "whole": 2.0, "big": 3000000000, "t": true,
                     "s": "text", "nothing": null, "list": [1, 2], "mixed": [1, "a"],
                     "words": ["a", "b"], "numbers": [1, 2.5],
                     "llm_config": {"heads": 3, "hidden_size": 100, "rope": {"theta": "high"}},
                     "layers": [{"k": 1}, {"k": "x"}]}
                    """);

    @Test
    void valuesOfTheirTypes() {
        assertThat(json.getInt("n")).isEqualTo(7);
        assertThat(json.getInt("none", 3)).isEqualTo(3);
        assertThat(json.getInt("nothing", 3)).isEqualTo(3);
        assertThat(json.getPositive("n")).isEqualTo(7);
        assertThat(json.getDouble("x")).isEqualTo(1.5);
        assertThat(json.getDouble("n")).isEqualTo(7.0);
        assertThat(json.getDouble("none", 0.5)).isEqualTo(0.5);
        assertThat(json.getBoolean("t")).isTrue();
        assertThat(json.getBoolean("none", true)).isTrue();
        assertThat(json.getString("s")).isEqualTo("text");
        assertThat(json.getString("none", "d")).isEqualTo("d");
        assertThat(json.getInts("list")).containsExactly(1, 2);
        assertThat(json.getInts("n")).containsExactly(7);
        assertThat(json.getInts("none")).isEmpty();
        assertThat(json.getDoubles("numbers")).containsExactly(1.0, 2.5);
        assertThat(json.getStrings("words")).containsExactly("a", "b");
        assertThat(json.getStrings("s")).containsExactly("text");
        assertThat(json.has("nothing")).isFalse();
        assertThat(json.getObject("llm_config").getInt("heads")).isEqualTo(3);
        assertThat(json.findObject("none")).isEmpty();
        assertThat(json.firstObject("text_config", "llm_config").getInt("heads")).isEqualTo(3);
        assertThat(json.getObjects("layers").getFirst().getInt("k")).isEqualTo(1);
    }

    @Test
    void errorsNameFileKeyAndType() {
        Json llm = json.getObject("llm_config");
        assertMessage(
                () -> json.getInt("none"), "config.json: none is missing, must be an integer");
        assertMessage(
                () -> llm.getInt("layers"),
                "config.json: llm_config.layers is missing, must be an integer");
        assertMessage(
                () -> json.getInt("nothing"), "config.json: nothing is null, must be an integer");
        assertMessage(() -> json.getInt("s"), "config.json: s is \"text\", must be an integer");
        assertMessage(() -> json.getInt("s", 3), "config.json: s is \"text\", must be an integer");
        assertMessage(() -> json.getInt("whole"), "config.json: whole is 2.0, must be an integer");
        assertMessage(
                () -> json.getInt("big"), "config.json: big is 3000000000, must be an integer");
        assertMessage(() -> json.getPositive("zero"), "config.json: zero is 0, must be at least 1");
        assertMessage(
                () -> llm.getObject("rope").getDouble("theta"),
                "config.json: llm_config.rope.theta is \"high\", must be a finite number");
        assertMessage(() -> json.getBoolean("n"), "config.json: n is 7, must be true or false");
        assertMessage(() -> json.getString("n"), "config.json: n is 7, must be a string");
        assertMessage(() -> json.getObject("n"), "config.json: n is 7, must be an object");
        assertMessage(
                () -> json.getInts("mixed"), "config.json: mixed[1] is \"a\", must be an integer");
        assertMessage(() -> json.getInts("s"), "config.json: s is \"text\", must be a list");
        assertMessage(
                () -> json.getObjects("layers").get(1).getInt("k"),
                "config.json: layers[1].k is \"x\", must be an integer");
        assertMessage(
                () -> json.getInt("list"), "config.json: list is a JSON array, must be an integer");
        assertMessage(
                () -> json.firstObject("a", "b"), "config.json: needs one of the objects a, b");
    }

    @Test
    void rulesOfTheCallerNameTheValue() {
        Json llm = json.getObject("llm_config");
        llm.check(true, "hidden_size", "be anything");
        assertMessage(
                () -> llm.check(100 % 3 == 0, "hidden_size", "be a multiple of heads 3"),
                "config.json: llm_config.hidden_size is 100, must be a multiple of heads 3");
        assertMessage(
                () -> llm.check(false, "none", "be there"),
                "config.json: llm_config.none is missing, must be there");
    }

    @Test
    void numbersThatAreNotFiniteAreReadableButNoNumber(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("a.json"), "{\"a\": Infinity, \"b\": 1}");
        Json read = Json.read(file);
        assertThat(read.getInt("b")).isEqualTo(1);
        assertThatThrownBy(() -> read.getDouble("a")).hasMessageContaining("a finite number");
    }

    @Test
    void onlyObjectsAreConfigs(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("a.json"), "[1]");
        assertThatThrownBy(() -> Json.read(file))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("must be a JSON object, found a JSON array");
        assertThatThrownBy(() -> Json.read(folder.resolve("none.json")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("does not exist");
    }

    private static void assertMessage(ThrowingCallable call, String message) {
        assertThatThrownBy(call).isInstanceOf(ConfigException.class).hasMessage(message);
    }

    private static Json parse(String text) {
        try {
            return Json.of("config.json", new ObjectMapper().readTree(text));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
