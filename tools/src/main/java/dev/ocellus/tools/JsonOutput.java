package dev.ocellus.tools;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.PrintWriter;
import java.io.UncheckedIOException;

/** What {@code --json} prints. */
final class JsonOutput {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private JsonOutput() {}

    static ObjectNode object() {
        return JsonNodeFactory.instance.objectNode();
    }

    /** Indented, over several lines. */
    static void print(PrintWriter out, JsonNode node) {
        out.println(node.toPrettyString());
        out.flush();
    }

    /** In one line. */
    static void printLine(PrintWriter out, JsonNode node) {
        try {
            out.println(MAPPER.writeValueAsString(node));
            out.flush();
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
