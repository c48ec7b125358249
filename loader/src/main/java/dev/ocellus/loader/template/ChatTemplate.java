package dev.ocellus.loader.template;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A chat template: the Jinja text that turns a conversation into a prompt, rendered as
 * transformers' {@code apply_chat_template} does.
 *
 * <p>A template comes from outside. It sees copies of the values it is given and nothing else; its
 * work, the depth of its calls and the length of its texts are bounded. Templates are immutable and
 * safe for use by several threads at once.
 */
public final class ChatTemplate {
    private static final long MAX_BYTES = 16L << 20;
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private final String name;
    private final List<Statement> statements;

    private ChatTemplate(String name, List<Statement> statements) {
        this.name = name;
        this.statements = statements;
    }

    /**
     * Reads a template.
     *
     * @param source its text
     * @param name what messages call it, for example its file
     * @throws TemplateException if the text is malformed or uses a statement that is not supported
     */
    public static ChatTemplate parse(String source, String name) {
        try {
            return new ChatTemplate(name, TemplateParser.parse(source));
        } catch (TemplateFault e) {
            throw new TemplateException(name, e.getMessage(), e);
        }
    }

    /**
     * Reads the template of a checkpoint folder: {@code chat_template.jinja}, {@code
     * chat_template.json}, or the key {@code chat_template} of {@code tokenizer_config.json}. Of a
     * list of named templates it is the one named {@code default}.
     *
     * @return the template, or nothing if the folder has none
     * @throws TemplateException if a file can't be read or its template is malformed
     */
    public static Optional<ChatTemplate> load(Path folder) {
        Path text = folder.resolve("chat_template.jinja");
        if (Files.isRegularFile(text)) {
            return Optional.of(parse(read(text), text.toString()));
        }
        for (String file : List.of("chat_template.json", "tokenizer_config.json")) {
            Path path = folder.resolve(file);
            if (Files.isRegularFile(path)) {
                Optional<String> source = source(path);
                if (source.isPresent()) {
                    return Optional.of(parse(source.get(), path.toString()));
                }
            }
        }
        return Optional.empty();
    }

    private static String read(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new TemplateException(
                        file.toString(), "is larger than a template file may be", null);
            }
            return Files.readString(file);
        } catch (IOException e) {
            throw new TemplateException(file.toString(), "can't be read: " + e.getMessage(), e);
        }
    }

    private static Optional<String> source(Path file) {
        JsonNode template;
        try {
            template = MAPPER.readTree(read(file)).path("chat_template");
        } catch (JsonProcessingException e) {
            throw new TemplateException(
                    file.toString(), "is not valid JSON: " + e.getOriginalMessage(), e);
        }
        if (template.isMissingNode() || template.isNull()) {
            return Optional.empty();
        }
        if (template.isTextual()) {
            return Optional.of(template.asText());
        }
        for (JsonNode named : template) {
            if (named.path("name").asText().equals("default")
                    && named.path("template").isTextual()) {
                return Optional.of(named.get("template").asText());
            }
        }
        throw new TemplateException(
                file.toString(),
                "'chat_template' is neither a text nor a list with a template named 'default'",
                null);
    }

    /**
     * Renders a conversation.
     *
     * @param messages the messages in order
     * @param variables further values by name, such as {@code bos_token} and {@code tools};
     *     strings, numbers, booleans, null, and lists and maps of these
     * @param addGenerationPrompt whether the prompt is to end with the beginning of the answer
     * @throws TemplateException if the template refuses the conversation, fails, or exceeds its
     *     bounds
     */
    public String render(
            List<Message> messages, Map<String, ?> variables, boolean addGenerationPrompt) {
        Map<String, Object> all = new HashMap<>(variables);
        all.put("messages", messages);
        return render(all, addGenerationPrompt);
    }

    /**
     * As above, with the messages in their published form among the variables, under {@code
     * messages}.
     */
    public String render(Map<String, ?> variables, boolean addGenerationPrompt) {
        Budget budget = new Budget();
        try {
            Scope scope = new Scope(null);
            Globals.define(scope);
            scope.set("tools", null);
            scope.set("documents", null);
            variables.forEach((key, value) -> scope.set(key, Values.of(value, budget)));
            scope.set("add_generation_prompt", addGenerationPrompt);
            return new Renderer(budget).render(statements, scope);
        } catch (TemplateFault e) {
            throw new TemplateException(name, e.getMessage(), e);
        }
    }
}
