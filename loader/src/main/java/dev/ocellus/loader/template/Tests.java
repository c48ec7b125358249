package dev.ocellus.loader.template;

import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The tests behind {@code is}. */
final class Tests {
    private Tests() {}

    static boolean apply(String name, Object value, List<Object> arguments, Budget budget) {
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value == null;
            case "string" -> value instanceof String;
            case "number" -> Values.isNumber(value);
            case "integer" -> value instanceof Long;
            case "float" -> value instanceof Double;
            case "boolean" -> value instanceof Boolean;
            case "true" -> Boolean.TRUE.equals(value);
            case "false" -> Boolean.FALSE.equals(value);
            case "mapping" -> value instanceof Map<?, ?>;
            case "iterable" ->
                    value instanceof String
                            || value instanceof List<?>
                            || value instanceof Map<?, ?>
                            || value instanceof Undefined;
            case "sequence" ->
                    value instanceof String
                            || value instanceof List<?>
                            || value instanceof Map<?, ?>
                            || value instanceof Undefined;
            case "callable" -> value instanceof Callable;
            case "odd" -> integer(value) % 2 != 0;
            case "even" -> integer(value) % 2 == 0;
            case "divisibleby" ->
                    integer(argument(name, arguments)) != 0
                            && integer(value) % integer(argument(name, arguments)) == 0;
            case "equalto", "eq" -> Values.equal(value, argument(name, arguments), budget);
            case "ne" -> !Values.equal(value, argument(name, arguments), budget);
            case "lt", "lessthan" ->
                    Values.compare(value, argument(name, arguments), "<", budget) < 0;
            case "le" -> Values.compare(value, argument(name, arguments), "<=", budget) <= 0;
            case "gt", "greaterthan" ->
                    Values.compare(value, argument(name, arguments), ">", budget) > 0;
            case "ge" -> Values.compare(value, argument(name, arguments), ">=", budget) >= 0;
            case "in" -> Values.contains(argument(name, arguments), value, budget);
            case "sameas" -> same(value, argument(name, arguments));
            case "lower" -> value instanceof String s && s.equals(s.toLowerCase(Locale.ROOT));
            case "upper" -> value instanceof String s && s.equals(s.toUpperCase(Locale.ROOT));
            default -> throw new TemplateFault("No test named '" + name + "'.");
        };
    }

    private static boolean same(Object value, Object other) {
        return value == other
                || value instanceof Long a && a.equals(other)
                || value instanceof Boolean b && b.equals(other);
    }

    private static Object argument(String name, List<Object> arguments) {
        if (arguments.isEmpty()) {
            throw new TemplateFault("the test '" + name + "' needs an argument");
        }
        return arguments.get(0);
    }

    private static long integer(Object value) {
        Arithmetic.fail(value);
        if (value instanceof Long number) {
            return number;
        }
        throw new TemplateFault("an integer is needed, not " + Values.typeName(value));
    }
}
