package dev.ocellus.loader.template;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The filters behind {@code |}. */
final class Filters {
    private static final Pattern WORD = Pattern.compile("([-\\s({\\[<]+)|([^-\\s({\\[<]+)");

    private final Budget budget;

    Filters(Budget budget) {
        this.budget = budget;
    }

    Object apply(Object value, Named arguments) {
        String name = arguments.callee();
        return switch (name) {
            case "default", "d" -> {
                boolean replaced =
                        value instanceof Undefined
                                || arguments.flag(1, "boolean") && !Values.truth(value);
                yield replaced ? arguments.get(0, "default_value", "") : value;
            }
            case "tojson" -> Json.write(defined(value), arguments.named(), budget);
            case "length", "count" -> Values.length(value);
            case "list" -> Values.items(value, budget);
            case "items" -> items(value);
            case "string", "safe" -> Values.text(value, budget);
            case "int" -> toInteger(value, arguments);
            case "float" -> toReal(value, arguments);
            case "abs" ->
                    defined(value) instanceof Long n
                            ? (Object) Math.abs(n)
                            : (Object) Math.abs(real(value));
            case "round" -> round(value, arguments);
            case "attr" -> attribute(value, arguments.text(0, "name", ""));
            case "first",
                    "last",
                    "min",
                    "max",
                    "sum",
                    "reverse",
                    "sort",
                    "unique",
                    "join",
                    "dictsort" ->
                    sequence(value, arguments);
            case "map", "select", "reject", "selectattr", "rejectattr" ->
                    selection(value, arguments);
            default -> text(Values.text(value, budget), arguments);
        };
    }

    private static Object defined(Object value) {
        Arithmetic.fail(value);
        return value;
    }

    private static Object attribute(Object value, String name) {
        if (value instanceof Namespace(Map<String, Object> attributes)
                && attributes.containsKey(name)) {
            return attributes.get(name);
        }
        return new Undefined(
                "'" + Values.typeName(value) + " object' has no attribute '" + name + "'");
    }

    private List<Object> items(Object value) {
        return switch (value) {
            case Undefined u -> List.of();
            case Map<?, ?> map -> Members.pairs(map, budget);
            case null, default ->
                    throw new TemplateFault("Can only get item pairs from a mapping.");
        };
    }

    private Object toInteger(Object value, Named arguments) {
        Object absent = arguments.get(0, "default", 0L);
        return switch (value) {
            case Long n -> n;
            case Boolean b -> b ? 1L : 0L;
            case Double d -> (long) (double) d;
            case String s -> {
                try {
                    yield Long.valueOf(s.strip());
                } catch (NumberFormatException e) {
                    Object real =
                            toReal(
                                    value,
                                    new Named(
                                            "int",
                                            List.of(),
                                            Collections.singletonMap("default", null)));
                    yield real instanceof Double d ? (Object) (long) (double) d : absent;
                }
            }
            case null, default -> absent;
        };
    }

    private Object toReal(Object value, Named arguments) {
        if (Values.isNumber(value)) {
            return Values.asDouble(value);
        }
        try {
            return value instanceof String s
                    ? (Object) Double.valueOf(s.strip())
                    : arguments.get(0, "default", 0.0);
        } catch (NumberFormatException e) {
            return arguments.get(0, "default", 0.0);
        }
    }

    private static double real(Object value) {
        if (Values.isNumber(value)) {
            return Values.asDouble(value);
        }
        throw new TemplateFault("a number is needed, not " + Values.typeName(value));
    }

    private Object round(Object value, Named arguments) {
        RoundingMode mode =
                switch (arguments.text(1, "method", "common")) {
                    case "ceil" -> RoundingMode.CEILING;
                    case "floor" -> RoundingMode.FLOOR;
                    default -> RoundingMode.HALF_EVEN;
                };
        int precision = Math.clamp(arguments.integer(0, "precision", 0), -30, 30);
        return new BigDecimal(real(defined(value))).setScale(precision, mode).doubleValue();
    }

    private Object sequence(Object value, Named arguments) {
        List<Object> items = Values.items(value, budget);
        return switch (arguments.callee()) {
            case "first" ->
                    items.isEmpty()
                            ? new Undefined("No first item, sequence was empty.")
                            : items.getFirst();
            case "last" ->
                    items.isEmpty()
                            ? new Undefined("No last item, sequence was empty.")
                            : items.getLast();
            case "min" ->
                    items.isEmpty()
                            ? new Undefined("No aggregated item, sequence was empty.")
                            : Collections.min(items, order(null, false));
            case "max" ->
                    items.isEmpty()
                            ? new Undefined("No aggregated item, sequence was empty.")
                            : Collections.max(items, order(null, false));
            case "sum" -> {
                Object sum = arguments.get(1, "start", 0L);
                for (Object item : attributes(items, arguments.text(0, "attribute", null))) {
                    sum = Arithmetic.apply("+", sum, item, budget);
                }
                yield sum;
            }
            case "reverse" ->
                    value instanceof String
                            ? Strings.join(items.reversed(), "", budget)
                            : items.reversed();
            case "sort" -> {
                Comparator<Object> order =
                        order(
                                arguments.text(2, "attribute", null),
                                arguments.flag(1, "case_sensitive"));
                items.sort(arguments.flag(0, "reverse") ? order.reversed() : order);
                yield items;
            }
            case "unique" -> unique(items, arguments.flag(0, "case_sensitive"));
            case "dictsort" -> {
                List<Object> pairs = items(value);
                int by = arguments.text(1, "by", "key").equals("value") ? 1 : 0;
                Comparator<Object> order =
                        Comparator.comparing(
                                pair -> ((Tuple) pair).get(by),
                                order(null, arguments.flag(0, "case_sensitive")));
                pairs.sort(arguments.flag(2, "reverse") ? order.reversed() : order);
                yield pairs;
            }
            default -> {
                List<Object> texts = new ArrayList<>();
                for (Object item : attributes(items, arguments.text(1, "attribute", null))) {
                    texts.add(Values.text(item, budget));
                }
                yield Strings.join(texts, arguments.text(0, "d", ""), budget);
            }
        };
    }

    private List<Object> attributes(List<Object> items, String attribute) {
        return attribute == null ? items : items.stream().map(i -> path(i, attribute)).toList();
    }

    /** An attribute or item by its path; parts that are numbers are indices. */
    private Object path(Object start, String path) {
        Object value = start;
        for (String part : path.split("\\.")) {
            value =
                    Members.item(
                            value,
                            part.matches("\\d{1,9}") ? (Object) Long.valueOf(part) : part,
                            budget);
        }
        return value;
    }

    private Comparator<Object> order(String attribute, boolean caseSensitive) {
        return (a, b) -> {
            Object x = attribute == null ? a : path(a, attribute);
            Object y = attribute == null ? b : path(b, attribute);
            budget.work(1);
            return Values.compare(
                    caseSensitive ? x : folded(x), caseSensitive ? y : folded(y), "<", budget);
        };
    }

    private static Object folded(Object value) {
        return value instanceof String s ? s.toLowerCase(Locale.ROOT) : value;
    }

    private List<Object> unique(List<Object> items, boolean caseSensitive) {
        List<Object> seen = new ArrayList<>();
        List<Object> kept = new ArrayList<>();
        for (Object item : items) {
            Object key = caseSensitive ? item : folded(item);
            budget.work(seen.size());
            if (seen.stream().noneMatch(s -> Values.equal(s, key, budget))) {
                seen.add(key);
                kept.add(item);
            }
        }
        return kept;
    }

    private Object selection(Object value, Named arguments) {
        List<Object> result = new ArrayList<>();
        String name = arguments.callee();
        boolean byAttribute = name.endsWith("attr");
        int first = byAttribute ? 1 : 0;
        List<Object> rest =
                arguments.positional().size() > first
                        ? arguments.positional().subList(first + 1, arguments.positional().size())
                        : List.of();
        for (Object item : Values.items(value, budget)) {
            if (name.equals("map")) {
                result.add(mapped(item, arguments, rest));
                continue;
            }
            Object subject = byAttribute ? path(item, arguments.text(0, "attribute", "")) : item;
            String test = arguments.text(first, "test", null);
            boolean passes =
                    test == null ? Values.truth(subject) : Tests.apply(test, subject, rest, budget);
            if (passes == name.startsWith("select")) {
                result.add(item);
            }
        }
        return budget.list(result);
    }

    private Object mapped(Object item, Named arguments, List<Object> rest) {
        if (arguments.named().get("attribute") instanceof String attribute) {
            Object found = path(item, attribute);
            return found instanceof Undefined && arguments.named().containsKey("default")
                    ? arguments.named().get("default")
                    : found;
        }
        return apply(item, new Named(arguments.text(0, "filter", ""), rest, arguments.named()));
    }

    private String text(String value, Named arguments) {
        return switch (arguments.callee()) {
            case "trim" -> Strings.strip(value, arguments.text(0, "chars", null), true, true);
            case "upper" -> budget.text(value.toUpperCase(Locale.ROOT));
            case "lower" -> budget.text(value.toLowerCase(Locale.ROOT));
            case "capitalize" -> budget.text(Strings.capitalize(value));
            case "title" -> title(value);
            case "replace" ->
                    Strings.replace(
                            value,
                            Values.text(arguments.get(0, "old", ""), budget),
                            Values.text(arguments.get(1, "new", ""), budget),
                            arguments.get(2, "count", null) == null
                                    ? -1
                                    : arguments.integer(2, "count", -1),
                            budget);
            case "indent" -> indent(value, arguments);
            case "escape", "e" -> escape(value);
            case "wordcount" -> String.valueOf(WORD.matcher(value).results().count());
            case "format" -> PercentFormat.format(value, arguments.positional(), budget);
            default -> throw new TemplateFault("No filter named '" + arguments.callee() + "'.");
        };
    }

    private static String title(String value) {
        StringBuilder title = new StringBuilder();
        Matcher part = WORD.matcher(value);
        while (part.find()) {
            title.append(part.group(1) != null ? part.group(1) : Strings.capitalize(part.group(2)));
        }
        return title.toString();
    }

    private String indent(String value, Named arguments) {
        Object width = arguments.get(0, "width", 4L);
        if (width instanceof Long n) {
            budget.length(n);
        }
        String space =
                width instanceof String s
                        ? s
                        : " ".repeat(Math.max(0, arguments.integer(0, "width", 4)));
        StringBuilder text = new StringBuilder(arguments.flag(1, "first") ? space : "");
        boolean blank = arguments.flag(2, "blank");
        String[] lines = value.split("\n", -1);
        for (int i = 0; i < lines.length; i++) {
            if (i > 0) {
                text.append('\n').append(blank || !lines[i].isEmpty() ? space : "");
            }
            text.append(lines[i]);
            budget.length(text.length());
        }
        return text.toString();
    }

    private static String escape(String value) {
        return value.replace("&", "&amp;")
                .replace(">", "&gt;")
                .replace("<", "&lt;")
                .replace("'", "&#39;")
                .replace("\"", "&#34;");
    }
}
