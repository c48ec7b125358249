package dev.ocellus.loader.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * JSON text as the reference writes it: ", " and ": " between values, no escapes beyond what JSON
 * requires.
 */
final class Json {
    private final StringBuilder text = new StringBuilder();
    private final Budget budget;
    private final int indent;
    private final String itemSeparator;
    private final String keySeparator;
    private final boolean sortKeys;
    private final boolean ascii;

    private Json(Map<String, Object> options, Budget budget) {
        this.budget = budget;
        Object width = options.get("indent");
        if (width != null && !(width instanceof Long n && n >= 0 && n <= 64)) {
            throw new TemplateFault("tojson: indent must be a number from 0 to 64");
        }
        indent = width == null ? -1 : ((Long) width).intValue();
        if (options.get("separators") instanceof List<?> pair && pair.size() == 2) {
            itemSeparator = String.valueOf(pair.get(0));
            keySeparator = String.valueOf(pair.get(1));
        } else {
            itemSeparator = indent < 0 ? ", " : ",";
            keySeparator = ": ";
        }
        sortKeys = Values.truth(options.get("sort_keys"));
        ascii = Values.truth(options.get("ensure_ascii"));
    }

    static String write(Object value, Map<String, Object> options, Budget budget) {
        Json json = new Json(options, budget);
        json.value(value, 1);
        return json.text.toString();
    }

    private void value(Object value, int level) {
        budget.enter();
        switch (value) {
            case null -> text.append("null");
            case Boolean b -> text.append(b);
            case Long l -> text.append(l);
            case Double d -> text.append(number(d));
            case String s -> string(s);
            case List<?> list -> list(list, level);
            case Map<?, ?> map -> map(map, level);
            default ->
                    throw new TemplateFault(
                            "Object of type "
                                    + Values.typeName(value)
                                    + " is not JSON serializable");
        }
        budget.leave();
        if (text.length() > Budget.MAX_TEXT) {
            budget.length(text.length());
        }
    }

    private static String number(double value) {
        if (Double.isNaN(value)) {
            return "NaN";
        }
        return Double.isInfinite(value)
                ? (value > 0 ? "Infinity" : "-Infinity")
                : Values.number(value);
    }

    private void list(List<?> list, int level) {
        text.append('[');
        String separator = "";
        for (Object item : list) {
            text.append(separator);
            newLine(level);
            value(item, level + 1);
            separator = itemSeparator;
        }
        if (!list.isEmpty()) {
            newLine(level - 1);
        }
        text.append(']');
    }

    private void map(Map<?, ?> map, int level) {
        List<Object> keys = new ArrayList<>(map.keySet());
        if (sortKeys) {
            keys.sort((a, b) -> Values.compare(a, b, "<", budget));
        }
        text.append('{');
        String separator = "";
        for (Object key : keys) {
            text.append(separator);
            newLine(level);
            if (key instanceof String s) {
                string(s);
            } else {
                text.append('"');
                value(key, level);
                text.append('"');
            }
            text.append(keySeparator);
            value(map.get(key), level + 1);
            separator = itemSeparator;
        }
        if (!map.isEmpty()) {
            newLine(level - 1);
        }
        text.append('}');
    }

    private void newLine(int level) {
        if (indent >= 0) {
            text.append('\n').repeat(' ', indent * level);
        }
    }

    private void string(String s) {
        text.append('"');
        for (int i = 0; i < s.length(); i++) {
            char c = s.charAt(i);
            switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\b' -> text.append("\\b");
                case '\f' -> text.append("\\f");
                default -> {
                    if (c < 0x20 || ascii && c > 0x7e) {
                        text.append(String.format("\\u%04x", (int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        text.append('"');
    }
}
