package dev.ocellus.loader.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads the JSON and text files of a tokenizer folder; every fault becomes a {@link
 * TokenizerException}.
 */
final class JsonFiles {
    static final JsonMapper MAPPER =
            JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    /** Larger than any published tokenizer file; keeps a wrong file from filling the memory. */
    private static final long MAX_BYTES = 256L << 20;

    private JsonFiles() {}

    static ObjectNode object(Path file) {
        try {
            JsonNode node = MAPPER.readTree(bytes(file));
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw new TokenizerException(file, "is not a JSON object");
        } catch (JsonProcessingException e) {
            throw new TokenizerException(file, "is not valid JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new TokenizerException(file, "can't be read: " + e.getMessage(), e);
        }
    }

    /** As {@link #object}, or an empty object when there is no such file. */
    static ObjectNode objectIfPresent(Path file) {
        return Files.isRegularFile(file) ? object(file) : MAPPER.createObjectNode();
    }

    static byte[] bytes(Path file) {
        try {
            if (!Files.isRegularFile(file)) {
                throw new TokenizerException(file, "is missing");
            }
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw new TokenizerException(
                        file, "has " + size + " bytes, more than a tokenizer file may have");
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new TokenizerException(file, "can't be read: " + e.getMessage(), e);
        }
    }

    static String write(JsonNode node) {
        try {
            return MAPPER.writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
