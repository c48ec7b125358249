package dev.ocellus.loader.image;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Typed reading of a JSON object from outside: a missing or null key takes the given default, a
 * value of another type or range is an {@link ImageException} that names {@code source} and the
 * key.
 */
record JsonFields(String source, JsonNode node) {
    /** Longest side that a configuration or option may ask for, in pixels. */
    static final int MAX_SIDE = 16_384;

    JsonFields {
        if (!node.isObject()) {
            throw new ImageException(source + ": a JSON object is expected, not " + node);
        }
    }

    boolean has(String key) {
        return node.hasNonNull(key);
    }

    JsonNode at(String key) {
        return node.path(key);
    }

    JsonFields object(String key) {
        return new JsonFields(source + ": " + key, node.path(key));
    }

    boolean bool(String key, boolean missing) {
        if (!has(key)) {
            return missing;
        }
        if (!at(key).isBoolean()) {
            throw bad(key, "true or false");
        }
        return at(key).booleanValue();
    }

    String text(String key, String missing) {
        if (!has(key)) {
            return missing;
        }
        if (!at(key).isTextual()) {
            throw bad(key, "a string");
        }
        return at(key).textValue();
    }

    int integer(String key, int missing, int max) {
        if (!has(key)) {
            return missing;
        }
        JsonNode value = at(key);
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw bad(key, "a whole number in 1.." + max);
        }
        int number = value.intValue();
        if (number < 1 || number > max) {
            throw bad(key, "a whole number in 1.." + max);
        }
        return number;
    }

    int side(String key, int missing) {
        return integer(key, missing, MAX_SIDE);
    }

    double number(String key, double missing) {
        if (!has(key)) {
            return missing;
        }
        if (!at(key).isNumber() || !Double.isFinite(at(key).doubleValue())) {
            throw bad(key, "a number");
        }
        return at(key).doubleValue();
    }

    PerChannel perChannel(String key, PerChannel missing) {
        if (!has(key)) {
            return missing;
        }
        JsonNode value = at(key);
        boolean three = value.isArray() && value.size() == 3;
        for (int c = 0; three && c < 3; c++) {
            three = value.get(c).isNumber() && Double.isFinite(value.get(c).doubleValue());
        }
        if (!three) {
            throw bad(key, "a list of three numbers");
        }
        return new PerChannel(
                value.get(0).doubleValue(), value.get(1).doubleValue(), value.get(2).doubleValue());
    }

    ImageException bad(String key, String expected) {
        return new ImageException(
                source + ": '" + key + "' must be " + expected + ", not " + at(key));
    }
}
