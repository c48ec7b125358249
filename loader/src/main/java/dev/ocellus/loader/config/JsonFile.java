package dev.ocellus.loader.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

import dev.ocellus.loader.AtomicFile;
import dev.ocellus.loader.CheckpointException;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads and writes the small JSON files of a checkpoint. */
public final class JsonFile {
    /** Far above any published config or index; keeps a wrong file from filling the heap. */
    static final long MAX_BYTES = 100_000_000;

    private static final JsonMapper MAPPER =
            JsonMapper.builder()
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    // Python writes and reads NaN and Infinity
                    .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                    .build();

    private JsonFile() {}

    /**
     * @throws ConfigException if the file can't be read, is over 100 MB or isn't one JSON value
     */
    public static JsonNode read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new ConfigException(
                    file + (Files.exists(file) ? ": is not a regular file" : ": does not exist"));
        }
        byte[] bytes;
        try {
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw new ConfigException(
                        "%s: %d bytes is too much for a JSON file (at most %d)"
                                .formatted(file, size, MAX_BYTES));
            }
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new ConfigException(file + ": can't be read: " + e, e);
        }
        return parse(file.toString(), bytes);
    }

    /**
     * @param source what messages call it
     * @throws ConfigException if the text isn't one JSON value
     */
    public static JsonNode parse(String source, String text) {
        return parse(source, text.getBytes(StandardCharsets.UTF_8));
    }

    private static JsonNode parse(String file, byte[] bytes) {
        try {
            JsonNode node = MAPPER.readTree(bytes);
            if (node.isMissingNode()) {
                throw new ConfigException(file + ": not valid JSON: the file is empty");
            }
            return node;
        } catch (JsonProcessingException e) {
            throw new ConfigException(
                    "%s: not valid JSON: %s%s"
                            .formatted(file, firstLine(e.getOriginalMessage()), place(e)),
                    e);
        } catch (IOException e) {
            throw new ConfigException(file + ": not valid JSON: " + firstLine(e.getMessage()), e);
        }
    }

    /**
     * Writes indented JSON, completely or not at all.
     *
     * @throws CheckpointException if the file can't be written
     */
    public static void write(Path file, JsonNode node) {
        try {
            AtomicFile.write(
                    file,
                    temporary ->
                            MAPPER.writerWithDefaultPrettyPrinter()
                                    .writeValue(temporary.toFile(), node));
        } catch (IOException e) {
            throw new CheckpointException(file + ": can't be written: " + e, e);
        }
    }

    private static String place(JsonProcessingException e) {
        return e.getLocation() == null
                ? ""
                : " (line %d, column %d)"
                        .formatted(e.getLocation().getLineNr(), e.getLocation().getColumnNr());
    }

    private static String firstLine(String message) {
        return message == null ? "unknown error" : message.lines().findFirst().orElse("");
    }
}
