package dev.ocellus.loader.template;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The values of templates: null, Boolean, Long, Double, String, List, Map, {@link Undefined},
 * {@link Namespace} and {@link Callable}. Strings count in code points.
 */
final class Values {
    private Values() {}

    /** Copies a caller's value into these types, so that a template reaches nothing else. */
    static Object of(Object value, Budget budget) {
        budget.enter();
        try {
            return switch (value) {
                case null -> null;
                case Boolean b -> b;
                case String s -> s;
                case Integer i -> i.longValue();
                case Long l -> l;
                case Float f -> f.doubleValue();
                case Double d -> d;
                case Message message -> of(message.toVariable(), budget);
                case Iterable<?> items -> {
                    List<Object> list = new ArrayList<>();
                    items.forEach(item -> list.add(of(item, budget)));
                    yield list;
                }
                case Map<?, ?> map -> {
                    Map<Object, Object> copy = new LinkedHashMap<>();
                    map.forEach((key, item) -> copy.put(of(key, budget), of(item, budget)));
                    yield copy;
                }
                default ->
                        throw new TemplateFault(
                                "a value of " + value.getClass() + " can't be given to a template");
            };
        } finally {
            budget.leave();
        }
    }

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case Long l -> l != 0;
            case Double d -> d != 0;
            case String s -> !s.isEmpty();
            case List<?> list -> !list.isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            case Undefined u -> false;
            default -> true;
        };
    }

    static String typeName(Object value) {
        return switch (value) {
            case null -> "NoneType";
            case Boolean b -> "bool";
            case Long l -> "int";
            case Double d -> "float";
            case String s -> "str";
            case Tuple t -> "tuple";
            case List<?> list -> "list";
            case Map<?, ?> map -> "dict";
            case Undefined u -> "Undefined";
            case Namespace n -> "Namespace";
            default -> "function";
        };
    }

    /** The text of a value when it is output. */
    static String text(Object value, Budget budget) {
        if (value instanceof String s) {
            return s;
        }
        StringBuilder text = new StringBuilder();
        write(value, text, budget);
        return text.toString();
    }

    private static void write(Object value, StringBuilder text, Budget budget) {
        budget.enter();
        switch (value) {
            case null -> text.append("None");
            case Boolean b -> text.append(b ? "True" : "False");
            case Double d -> text.append(number(d));
            case String s -> quote(s, text);
            case Tuple tuple -> {
                list(tuple, text.append('('), budget);
                text.append(tuple.size() == 1 ? ",)" : ")");
            }
            case List<?> list -> {
                list(list, text.append('['), budget);
                text.append(']');
            }
            case Map<?, ?> map -> map(map, text, budget);
            case Undefined u -> {}
            case Long l -> text.append(l);
            default -> text.append('<').append(typeName(value)).append('>');
        }
        budget.leave();
        if (text.length() > Budget.MAX_TEXT) {
            budget.length(text.length());
        }
    }

    private static void list(List<?> list, StringBuilder text, Budget budget) {
        String separator = "";
        for (Object item : list) {
            text.append(separator);
            write(item, text, budget);
            separator = ", ";
        }
    }

    private static void map(Map<?, ?> map, StringBuilder text, Budget budget) {
        String separator = "{";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            text.append(separator);
            write(entry.getKey(), text, budget);
            text.append(": ");
            write(entry.getValue(), text, budget);
            separator = ", ";
        }
        text.append(map.isEmpty() ? "{}" : "}");
    }

    private static void quote(String s, StringBuilder text) {
        char quote = s.indexOf('\'') >= 0 && s.indexOf('"') < 0 ? '"' : '\'';
        text.append(quote);
        s.codePoints()
                .forEach(
                        c -> {
                            switch (c) {
                                case '\n' -> text.append("\\n");
                                case '\r' -> text.append("\\r");
                                case '\t' -> text.append("\\t");
                                case '\\' -> text.append("\\\\");
                                default -> {
                                    if (c == quote) {
                                        text.append('\\').append(quote);
                                    } else if (isPrintable(c)) {
                                        text.appendCodePoint(c);
                                    } else {
                                        text.append(
                                                String.format(
                                                        c < 0x100
                                                                ? "\\x%02x"
                                                                : c < 0x10000
                                                                        ? "\\u%04x"
                                                                        : "\\U%08x",
                                                        c));
                                    }
                                }
                            }
                        });
        text.append(quote);
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR ->
                    false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    /**
     * The shortest digits that give the number back, with an exponent only below 1e-4 and from 1e16
     * on.
     */
    static String number(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        if (Double.isInfinite(value)) {
            return value > 0 ? "inf" : "-inf";
        }
        if (value == 0) {
            return 1 / value < 0 ? "-0.0" : "0.0";
        }
        BigDecimal digits = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        int exponent = digits.precision() - digits.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = digits.toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        String unscaled = digits.unscaledValue().abs().toString();
        String mantissa =
                unscaled.length() == 1
                        ? unscaled
                        : unscaled.charAt(0) + "." + unscaled.substring(1);
        return (value < 0 ? "-" : "")
                + mantissa
                + (exponent < 0 ? "e-" : "e+")
                + String.format("%02d", Math.abs(exponent));
    }

    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static double asDouble(Object number) {
        return number instanceof Boolean b ? (b ? 1 : 0) : ((Number) number).doubleValue();
    }

    static boolean equal(Object a, Object b, Budget budget) {
        budget.enter();
        try {
            if (isNumber(a) && isNumber(b)) {
                return a instanceof Long x && b instanceof Long y
                        ? x.longValue() == y
                        : asDouble(a) == asDouble(b);
            }
            if (a instanceof List<?> x && b instanceof List<?> y) {
                if (x instanceof Tuple != y instanceof Tuple || x.size() != y.size()) {
                    return false;
                }
                for (int i = 0; i < x.size(); i++) {
                    if (!equal(x.get(i), y.get(i), budget)) {
                        return false;
                    }
                }
                return true;
            }
            if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
                return x.size() == y.size()
                        && x.entrySet().stream()
                                .allMatch(
                                        e ->
                                                y.containsKey(e.getKey())
                                                        && equal(
                                                                e.getValue(),
                                                                y.get(e.getKey()),
                                                                budget));
            }
            return a instanceof Undefined && b instanceof Undefined
                    || (a == null || a instanceof String ? Objects.equals(a, b) : a == b);
        } finally {
            budget.leave();
        }
    }

    static int compare(Object a, Object b, String operator, Budget budget) {
        if (isNumber(a) && isNumber(b)) {
            return a instanceof Long x && b instanceof Long y
                    ? Long.compare(x, y)
                    : Double.compare(asDouble(a), asDouble(b));
        }
        if (a instanceof String x && b instanceof String y) {
            budget.length(Math.min(x.length(), y.length()));
            return Arrays.compare(x.codePoints().toArray(), y.codePoints().toArray());
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            budget.enter();
            for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
                if (!equal(x.get(i), y.get(i), budget)) {
                    return compare(x.get(i), y.get(i), operator, budget);
                }
            }
            budget.leave();
            return Integer.compare(x.size(), y.size());
        }
        throw new TemplateFault(
                "'"
                        + operator
                        + "' not supported between instances of '"
                        + typeName(a)
                        + "' and '"
                        + typeName(b)
                        + "'");
    }

    /**
     * The items of a value that can be looped over; a map's are its keys, a string's its
     * characters.
     */
    static List<Object> items(Object value, Budget budget) {
        return switch (value) {
            case List<?> list -> budget.list(new ArrayList<>(list));
            case Map<?, ?> map -> budget.list(new ArrayList<>(map.keySet()));
            case String s -> {
                budget.work(s.length());
                List<Object> characters = new ArrayList<>();
                s.codePoints().forEach(c -> characters.add(Character.toString(c)));
                yield budget.list(characters);
            }
            case Undefined u -> List.of();
            case null, default ->
                    throw new TemplateFault("'" + typeName(value) + "' object is not iterable");
        };
    }

    static long length(Object value) {
        return switch (value) {
            case String s -> s.codePointCount(0, s.length());
            case List<?> list -> list.size();
            case Map<?, ?> map -> map.size();
            case Undefined u -> 0;
            case null, default ->
                    throw new TemplateFault(
                            "object of type '" + typeName(value) + "' has no len()");
        };
    }

    static boolean contains(Object container, Object item, Budget budget) {
        return switch (container) {
            case String s -> {
                if (!(item instanceof String part)) {
                    throw new TemplateFault(
                            "'in <string>' requires string as left operand, not " + typeName(item));
                }
                budget.length(s.length());
                yield s.contains(part);
            }
            case Map<?, ?> map -> map.containsKey(item);
            case List<?> list -> list.stream().anyMatch(x -> equal(x, item, budget));
            case Undefined u -> false;
            case null, default ->
                    throw new TemplateFault(
                            "argument of type '" + typeName(container) + "' is not iterable");
        };
    }
}
