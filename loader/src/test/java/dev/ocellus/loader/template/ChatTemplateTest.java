package dev.ocellus.loader.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The renderings beside the templates are the reference's:
 * tools/reference/templates/render_templates.py.
 */
class ChatTemplateTest {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    @ParameterizedTest
    @ValueSource(
            strings = {"blocks", "internvl-hf", "internvl-older", "ledger", "letters", "margins"})
    void rendersAsTheReference(String name) throws IOException {
        ChatTemplate template = ChatTemplate.parse(resource(name + ".jinja"), name);
        JsonNode expected = MAPPER.readTree(resource(name + ".json"));
        assertThat(expected).isNotEmpty();
        for (JsonNode entry : expected) {
            Map<String, Object> variables =
                    MAPPER.convertValue(
                            entry.get("variables"),
                            new TypeReference<HashMap<String, Object>>() {});
            variables.put("bos_token", "<s>");
            variables.put("eos_token", "</s>");
            variables.put("unk_token", "<unk>");
            boolean prompt = entry.get("add_generation_prompt").asBoolean();
            if (entry.has("error")) {
                assertThatThrownBy(() -> template.render(variables, prompt))
                        .isInstanceOf(TemplateException.class)
                        .hasMessage(name + ": " + entry.get("error").asText());
            } else {
                assertThat(template.render(variables, prompt))
                        .as("%s", entry.get("variables"))
                        .isEqualTo(entry.get("rendered").asText());
            }
        }
    }

    private static String resource(String name) throws IOException {
        try (InputStream in = ChatTemplateTest.class.getResourceAsStream("/templates/" + name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String render(String source) {
        return ChatTemplate.parse(source, "test").render(Map.of(), false);
    }

    @Test
    void messagesShowTextAsStringAndPartsAsList() {
        ChatTemplate template =
                ChatTemplate.parse(
                        "{% for m in messages %}{{ m.role }}={{ m.content | tojson }};{% endfor %}{{ add_generation_prompt }}",
                        "test");
        List<Message> messages =
                List.of(
                        Message.text("system", "s"),
                        new Message(
                                "user",
                                List.of(new Message.Part.Image(), new Message.Part.Text("what?"))));

        assertThat(template.render(messages, Map.of(), true))
                .startsWith("system=\"s\";user=[{\"type\": \"image\"}, {")
                .contains("\"text\": \"what?\"")
                .endsWith("True");
    }

    @ParameterizedTest
    @CsvSource(
            delimiterString = " => ",
            quoteCharacter = '`',
            value = {
                "{{ 1e16 }} {{ 1e-5 }} {{ 0.1 + 0.2 }} => 1e+16 1e-05 0.30000000000000004",
                "{{ -7 // 2 }} {{ 2 ** 10 }} {{ 10 % -3 }} => -4 1024 -2",
                "{{ 'é😀x'|length }} {{ 'é😀x'[1] }} {{ '😀ab'[1:] }} => 3 😀 ab",
                "{{ ['a\\'b', \"q\\\"\"] }} => [\"a'b\", 'q\"']",
                "{{ 'a-b c'|title }} {{ 'aXbX'.replace('X', '', 1) }} {{ 'ab'.replace('', '-') }} => A-B C abX -a-b-",
                "{{ 'a b c'.rsplit(' ', 1) }} {{ 'a.b'.partition('.') }} => ['a b', 'c'] ('a', '.', 'b')",
                "{{ [1,2,3,4][-3:-1] }} {{ [1,2,3][5:] }} {{ 'abc'[5:0:-1] }} => [2, 3] [] cb",
                "{{ 1 if false }}x{{ none is none and not 1 is string }} => xTrue",
                "{% set a, b = 1, [2] %}{{ a }}{{ b }}{{ (1,) }} => 1[2](1,)",
            })
    void followsTheLanguage(String source, String expected) {
        assertThat(render(source)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% if %}",
                "{% for x in %}{% endfor %}",
                "{{ 'open",
                "{{ a b }}",
                "{% if true %}",
                "{% include 'x' %}",
                "{# open",
                "{% raw %}x",
                "{{ 99999999999999999999 }}"
            })
    void refusesMalformedTemplates(String source) {
        assertThatThrownBy(() -> ChatTemplate.parse(source, "bad.jinja"))
                .isInstanceOf(TemplateException.class)
                .hasMessageStartingWith("bad.jinja: ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ x.y }}",
                "{{ 'a' + 1 }}",
                "{{ 1 / 0 }}",
                "{{ none() }}",
                "{{ 1 | nothing }}",
                "{{ 1 is nothing }}",
                "{{ ''.__class__.__mro__ }}",
                "{{ messages.getClass() }}",
                "{{ raise_exception('no') }}",
                "{% set x = [1] %}{% set x.y = 2 %}"
            })
    void reportsFaultsWithTheTemplatesName(String source) {
        assertThatThrownBy(() -> render(source))
                .isInstanceOf(TemplateException.class)
                .hasMessageStartingWith("test: ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
                "{{ 'x' * 999999999 }}",
                "{{ '%9999s' | format('x') * 9999 }}",
                "{{ range(1000000000) }}",
                "{% set ns = namespace(x='x') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
                "{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                "{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
                "{% set ns = namespace(x=[1]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "{{ ('x' * 99999).replace('x', 'y' * 99999) }}",
                "{{ ['x' * 9999] | map('indent', 99999999) | list }}",
            })
    void boundsWork(String source) {
        assertThatThrownBy(() -> render(source)).isInstanceOf(TemplateException.class);
    }

    @Test
    void boundsNesting() {
        assertThatThrownBy(
                        () ->
                                render(
                                        "{{ "
                                                + "(".repeat(100_000)
                                                + "1"
                                                + ")".repeat(100_000)
                                                + " }}"))
                .isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{{ 1" + " + 1".repeat(100_000) + " }}"))
                .isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{% if 1 %}".repeat(10_000)))
                .isInstanceOf(TemplateException.class);
    }

    @Test
    void loadsFromTheFilesOfAFolder(@TempDir Path folder) throws IOException {
        assertThat(ChatTemplate.load(folder)).isEmpty();

        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"},"
                        + " {\"name\": \"default\", \"template\": \"d\"}]}");
        assertThat(ChatTemplate.load(folder).orElseThrow().render(Map.of(), false)).isEqualTo("d");

        Files.writeString(folder.resolve("chat_template.json"), "{\"chat_template\": \"j\"}");
        assertThat(ChatTemplate.load(folder).orElseThrow().render(Map.of(), false)).isEqualTo("j");

        Files.writeString(folder.resolve("chat_template.jinja"), "{{ bos_token }}");
        assertThat(
                        ChatTemplate.load(folder)
                                .orElseThrow()
                                .render(Map.of("bos_token", "<s>"), false))
                .isEqualTo("<s>");
    }

    @Test
    void namesABadFile(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("chat_template.json"), "{\"chat_template\": ");

        assertThatThrownBy(() -> ChatTemplate.load(folder))
                .isInstanceOf(TemplateException.class)
                .hasMessageContaining("chat_template.json");
    }
}
