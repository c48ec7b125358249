package dev.ocellus.loader.config;

import com.fasterxml.jackson.databind.JsonNode;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Predicate;

/**
 * A JSON object of a checkpoint, read key by key with its type checked. Errors name the file, the
 * full key and what was expected: {@code config.json: llm_config.hidden_size is missing}.
 *
 * <p>A key whose value is {@code null} counts as absent, as in the files that Hugging Face
 * libraries write. Getters with a fallback return it for an absent key, never for one of the wrong
 * type. Immutable as long as nobody changes the node it was made from.
 */
public final class Json {
    private final String file;
    private final String path;
    private final JsonNode node;

    private Json(String file, String path, JsonNode node) {
        this.file = file;
        this.path = path;
        this.node = node;
    }

    /**
     * @param file name that errors begin with
     * @throws ConfigException if {@code node} is not an object
     */
    public static Json of(String file, JsonNode node) {
        if (!node.isObject()) {
            throw new ConfigException(file + ": must be a JSON object, found " + describe(node));
        }
        return new Json(file, "", node);
    }

    /**
     * @throws ConfigException if the file can't be read or isn't a JSON object
     */
    public static Json read(Path file) {
        return of(file.toString(), JsonFile.read(file));
    }

    /** The object itself, for what the typed getters don't cover. Not to be changed. */
    public JsonNode node() {
        return node;
    }

    /** Whether the key is there and not null. */
    public boolean has(String key) {
        return node.hasNonNull(key);
    }

    public int getInt(String key) {
        return toInt(key, required(key, "an integer"));
    }

    public int getInt(String key, int fallback) {
        return has(key) ? toInt(key, node.get(key)) : fallback;
    }

    /** An integer of at least 1. */
    public int getPositive(String key) {
        return positive(key, getInt(key));
    }

    /** An integer of at least 1. */
    public int getPositive(String key, int fallback) {
        return positive(key, getInt(key, fallback));
    }

    /** A finite number; integers are fine. */
    public double getDouble(String key) {
        return toDouble(key, required(key, "a number"));
    }

    /** A finite number; integers are fine. */
    public double getDouble(String key, double fallback) {
        return has(key) ? toDouble(key, node.get(key)) : fallback;
    }

    public boolean getBoolean(String key) {
        return toBoolean(key, required(key, "true or false"));
    }

    public boolean getBoolean(String key, boolean fallback) {
        return has(key) ? toBoolean(key, node.get(key)) : fallback;
    }

    public String getString(String key) {
        return toText(key, required(key, "a string"));
    }

    public String getString(String key, String fallback) {
        return has(key) ? toText(key, node.get(key)) : fallback;
    }

    public Json getObject(String key) {
        return toObject(key, required(key, "an object"));
    }

    public Optional<Json> findObject(String key) {
        return has(key) ? Optional.of(toObject(key, node.get(key))) : Optional.empty();
    }

    /**
     * The first of these objects that is there: {@code firstObject("llm_config", "text_config")}.
     */
    public Json firstObject(String... keys) {
        for (String key : keys) {
            if (has(key)) {
                return getObject(key);
            }
        }
        throw new ConfigException(
                "%s: %sneeds one of the objects %s"
                        .formatted(
                                file, path.isEmpty() ? "" : path + " ", String.join(", ", keys)));
    }

    /**
     * A list of integers. A single integer counts as a list of one: {@code eos_token_id} and {@code
     * image_size} are published both ways. Empty if the key is absent.
     */
    public List<Integer> getInts(String key) {
        return list(key, JsonNode::isIntegralNumber, this::toInt);
    }

    /** A list of numbers; a single number counts as a list of one. Empty if the key is absent. */
    public List<Double> getDoubles(String key) {
        return list(key, JsonNode::isNumber, this::toDouble);
    }

    /** A list of strings; a single string counts as a list of one. Empty if the key is absent. */
    public List<String> getStrings(String key) {
        return list(key, JsonNode::isTextual, this::toText);
    }

    /** A list of objects. Empty if the key is absent. */
    public List<Json> getObjects(String key) {
        return list(key, n -> false, this::toObject);
    }

    /** The error for a value that breaks a rule: {@code file: a.b is 100, must <rule>}. */
    public ConfigException invalid(String key, String rule) {
        return new ConfigException(
                "%s is %s, must %s".formatted(name(key), show(node.path(key)), rule));
    }

    /**
     * @throws ConfigException if {@code holds} is false: {@code file: a.b is 100, must <rule>}
     */
    public void check(boolean holds, String key, String rule) {
        if (!holds) {
            throw invalid(key, rule);
        }
    }

    /** File and full key, as errors name them: {@code config.json: llm_config.hidden_size}. */
    public String name(String key) {
        return file + ": " + join(key);
    }

    private String join(String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    private JsonNode required(String key, String expected) {
        if (!has(key)) {
            throw new ConfigException(
                    "%s is %s, must be %s"
                            .formatted(name(key), node.has(key) ? "null" : "missing", expected));
        }
        return node.get(key);
    }

    private int positive(String key, int value) {
        check(value > 0, key, "be at least 1");
        return value;
    }

    private int toInt(String key, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw wrongType(key, value, "an integer");
        }
        return value.intValue();
    }

    private double toDouble(String key, JsonNode value) {
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw wrongType(key, value, "a finite number");
        }
        return value.doubleValue();
    }

    private boolean toBoolean(String key, JsonNode value) {
        if (!value.isBoolean()) {
            throw wrongType(key, value, "true or false");
        }
        return value.booleanValue();
    }

    private String toText(String key, JsonNode value) {
        if (!value.isTextual()) {
            throw wrongType(key, value, "a string");
        }
        return value.textValue();
    }

    private Json toObject(String key, JsonNode value) {
        if (!value.isObject()) {
            throw wrongType(key, value, "an object");
        }
        return new Json(file, join(key), value);
    }

    private <T> List<T> list(
            String key, Predicate<JsonNode> single, BiFunction<String, JsonNode, T> element) {
        if (!has(key)) {
            return List.of();
        }
        JsonNode value = node.get(key);
        if (single.test(value)) {
            return List.of(element.apply(key, value));
        }
        if (!value.isArray()) {
            throw wrongType(key, value, "a list");
        }
        List<T> list = new ArrayList<>(value.size());
        for (int i = 0; i < value.size(); i++) {
            list.add(element.apply(key + "[" + i + "]", value.get(i)));
        }
        return List.copyOf(list);
    }

    private ConfigException wrongType(String key, JsonNode value, String expected) {
        return new ConfigException(
                "%s is %s, must be %s".formatted(name(key), show(value), expected));
    }

    private static String describe(JsonNode node) {
        return "a JSON " + node.getNodeType().name().toLowerCase(Locale.ROOT);
    }

    private static String show(JsonNode value) {
        if (value.isMissingNode()) {
            return "missing";
        }
        String text = value.isContainerNode() ? describe(value) : value.toString();
        return text.length() <= 60 ? text : text.substring(0, 60) + "...";
    }

    @Override
    public String toString() {
        return file + (path.isEmpty() ? "" : ": " + path);
    }
}
