package dev.ocellus.loader.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;

import dev.ocellus.loader.safetensors.Header.Entry;
import dev.ocellus.loader.safetensors.SafetensorsException.Rule;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Turns the JSON text of a header into entries. It streams, because a tree keeps only the last of
 * two equal names and because headers may hold tens of thousands of tensors.
 */
final class HeaderParser {
    private static final String METADATA = "__metadata__";
    private static final Map<String, DType> DTYPES = dtypes();

    // Names of a header are all different: a table of known names would only grow, and its guard
    // against hash collisions throws.
    private static final JsonFactory JSON =
            JsonFactory.builder().disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES).build();

    private final Path file;
    private final String text;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private Map<String, String> metadata;

    HeaderParser(Path file, String text) {
        this.file = file;
        this.text = text;
    }

    /**
     * The tensors in the order of the text; ranges are checked against shapes, not yet each other.
     */
    List<Entry> parse() throws IOException {
        if (!text.startsWith("{")) {
            throw error(Rule.HEADER_NOT_JSON, "the header does not begin with '{'");
        }
        try (JsonParser parser = JSON.createParser(text)) {
            parser.nextToken();
            while (parser.nextToken() != JsonToken.END_OBJECT) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals(METADATA)) {
                    readMetadata(parser);
                } else {
                    Entry entry = readEntry(parser, name);
                    if (entries.put(name, entry) != null) {
                        throw error(Rule.DUPLICATE_NAME, "tensor '" + name + "' occurs twice");
                    }
                }
            }
            if (parser.nextToken() != null) {
                throw error(Rule.HEADER_NOT_JSON, "text follows the header's JSON object");
            }
        } catch (JsonProcessingException e) {
            throw new SafetensorsException(
                    file,
                    Rule.HEADER_NOT_JSON,
                    "the header is not valid JSON: "
                            + e.getOriginalMessage().lines().findFirst().orElse(""),
                    e);
        }
        return List.copyOf(entries.values());
    }

    Map<String, String> metadata() {
        return metadata == null ? Map.of() : Collections.unmodifiableMap(metadata);
    }

    private void readMetadata(JsonParser parser) throws IOException {
        if (metadata != null) {
            throw error(Rule.DUPLICATE_NAME, METADATA + " occurs twice");
        }
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw error(Rule.METADATA_NOT_STRINGS, METADATA + " is not a JSON object");
        }
        metadata = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw error(
                        Rule.METADATA_NOT_STRINGS,
                        METADATA + " key '" + key + "' has a value that is not a string");
            }
            if (metadata.put(key, parser.getText()) != null) {
                throw error(Rule.DUPLICATE_NAME, METADATA + " key '" + key + "' occurs twice");
            }
        }
    }

    private Entry readEntry(JsonParser parser, String name) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw tensorError(name, Rule.WRONG_TYPE, "is not described by a JSON object");
        }
        DType dtype = null;
        long[] dims = null;
        long[] range = null;
        Set<String> seen = new HashSet<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String key = parser.currentName();
            if (!seen.add(key)) {
                throw tensorError(name, Rule.DUPLICATE_NAME, "has the key '" + key + "' twice");
            }
            parser.nextToken();
            switch (key) {
                case "dtype" -> dtype = readDType(parser, name);
                case "shape" -> dims = readIntegers(parser, name, key);
                case "data_offsets" -> range = readIntegers(parser, name, key);
                default ->
                        throw tensorError(
                                name, Rule.WRONG_KEYS, "has the unknown key '" + key + "'");
            }
        }
        if (dtype == null || dims == null || range == null) {
            throw tensorError(
                    name, Rule.WRONG_KEYS, "must have the keys dtype, shape and data_offsets");
        }
        return entry(name, dtype, dims, range);
    }

    private Entry entry(String name, DType dtype, long[] dims, long[] range) {
        if (range.length != 2) {
            throw tensorError(
                    name, Rule.WRONG_TYPE, "has %d data_offsets, not 2".formatted(range.length));
        }
        Shape shape;
        long bytes;
        try {
            shape = Shape.of(dims);
            bytes = dtype.byteSize(shape.elements());
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw tensorError(
                    name,
                    Rule.SHAPE_OVERFLOW,
                    "has shape %s of %s, more than 2^63 bytes".formatted(show(dims), dtype));
        }
        // Both are non-negative, so the difference can't overflow.
        long length = range[1] - range[0];
        if (length != bytes) {
            throw tensorError(
                    name,
                    Rule.RANGE_SIZE,
                    "has data_offsets [%d, %d], %d bytes, but shape %s of %s takes %d"
                            .formatted(range[0], range[1], length, show(dims), dtype, bytes));
        }
        return new Entry(new TensorSpec(name, dtype, shape), range[0], range[1]);
    }

    private DType readDType(JsonParser parser, String name) throws IOException {
        if (parser.currentToken() != JsonToken.VALUE_STRING) {
            throw tensorError(name, Rule.WRONG_TYPE, "has a dtype that is not a string");
        }
        DType dtype = DTYPES.get(parser.getText());
        if (dtype == null) {
            throw tensorError(
                    name,
                    Rule.UNKNOWN_DTYPE,
                    "has dtype '%s', known are %s".formatted(parser.getText(), DTYPES.keySet()));
        }
        return dtype;
    }

    private long[] readIntegers(JsonParser parser, String name, String key) throws IOException {
        if (parser.currentToken() != JsonToken.START_ARRAY) {
            throw tensorError(name, Rule.WRONG_TYPE, "has a " + key + " that is not a list");
        }
        List<Long> values = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                throw notAnInteger(parser, name, key);
            }
            if (parser.getText().startsWith("-")) {
                throw tensorError(
                        name, Rule.NEGATIVE, "has " + parser.getText() + " in its " + key);
            }
            if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
                throw notAnInteger(parser, name, key);
            }
            values.add(parser.getLongValue());
        }
        return values.stream().mapToLong(Long::longValue).toArray();
    }

    private SafetensorsException notAnInteger(JsonParser parser, String name, String key)
            throws IOException {
        String found = parser.getText() == null ? "the end of the header" : parser.getText();
        return tensorError(
                name,
                Rule.NOT_AN_INTEGER,
                "has %s in its %s, not an integer of 64 bits"
                        .formatted(found.substring(0, Math.min(found.length(), 40)), key));
    }

    private SafetensorsException tensorError(String name, Rule rule, String predicate) {
        return error(rule, "tensor '" + name + "' " + predicate);
    }

    private SafetensorsException error(Rule rule, String sentence) {
        return new SafetensorsException(file, rule, sentence);
    }

    /** A shape for an error message; hostile ones may have millions of dimensions. */
    private static String show(long[] dims) {
        return dims.length <= 16
                ? Arrays.toString(dims)
                : Arrays.toString(Arrays.copyOf(dims, 16)) + "... (" + dims.length + " dimensions)";
    }

    private static Map<String, DType> dtypes() {
        Map<String, DType> map = new LinkedHashMap<>();
        for (DType dtype : DType.values()) {
            if (!dtype.isBlock()) {
                map.put(dtype.name(), dtype);
            }
        }
        return Collections.unmodifiableMap(map);
    }
}
