package dev.ocellus.loader.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Attributes, items and slices of values. */
final class Members {
    private Members() {}

    /** {@code target.name}: a method first, then a key of that name. */
    static Object attribute(Object target, String name, Budget budget) {
        Arithmetic.fail(target);
        Object method = method(target, name, budget);
        if (method != null) {
            return method;
        }
        if (target instanceof Map<?, ?> map && map.containsKey(name)) {
            return map.get(name);
        }
        if (target instanceof Namespace(Map<String, Object> attributes)
                && attributes.containsKey(name)) {
            return attributes.get(name);
        }
        return missing(target, "attribute", "'" + name + "'");
    }

    /** {@code target[key]}: a key first, then a method of that name. */
    static Object item(Object target, Object key, Budget budget) {
        Arithmetic.fail(target);
        if (target instanceof Map<?, ?> map && map.containsKey(key)) {
            return map.get(key);
        }
        if (key instanceof Long index && (target instanceof List<?> || target instanceof String)) {
            long length = Values.length(target);
            long at = index < 0 ? index + length : index;
            if (at >= 0 && at < length) {
                return target instanceof String s
                        ? Character.toString(s.codePointAt(s.offsetByCodePoints(0, (int) at)))
                        : ((List<?>) target).get((int) at);
            }
        }
        if (key instanceof String name && !(target instanceof Namespace)) {
            Object method = method(target, name, budget);
            return method != null ? method : missing(target, "attribute", "'" + name + "'");
        }
        return missing(target, "element", Values.text(key, budget));
    }

    private static Undefined missing(Object target, String kind, String what) {
        String subject = target == null ? "None" : Values.typeName(target) + " object";
        return new Undefined(
                (kind.equals("attribute") || target == null ? "'" + subject + "'" : subject)
                        + " has no "
                        + kind
                        + " "
                        + what);
    }

    private static Object method(Object target, String name, Budget budget) {
        if (target instanceof String s) {
            return Strings.method(s, name, budget);
        }
        if (target instanceof Map<?, ?> map) {
            return mapMethod(map, name, budget);
        }
        if (target instanceof List<?> list && name.equals("index")) {
            return (Callable)
                    (positional, named) -> {
                        Object wanted = new Named(name, positional, named).get(0, "value", null);
                        for (int i = 0; i < list.size(); i++) {
                            if (Values.equal(list.get(i), wanted, budget)) {
                                return (long) i;
                            }
                        }
                        throw new TemplateFault("the value is not in the list");
                    };
        }
        if (target instanceof List<?> list && name.equals("count")) {
            return (Callable)
                    (positional, named) -> {
                        Object wanted = new Named(name, positional, named).get(0, "value", null);
                        return list.stream().filter(x -> Values.equal(x, wanted, budget)).count();
                    };
        }
        return null;
    }

    private static Callable mapMethod(Map<?, ?> map, String name, Budget budget) {
        return switch (name) {
            case "items" -> (positional, named) -> pairs(map, budget);
            case "keys" -> (positional, named) -> budget.list(new ArrayList<>(map.keySet()));
            case "values" -> (positional, named) -> budget.list(new ArrayList<>(map.values()));
            case "copy" -> (positional, named) -> map;
            case "get" ->
                    (positional, named) -> {
                        Named arguments = new Named(name, positional, named);
                        Object key = arguments.get(0, "key", null);
                        return map.containsKey(key)
                                ? map.get(key)
                                : arguments.get(1, "default", null);
                    };
            default -> null;
        };
    }

    /** Key and value of each entry. */
    static List<Object> pairs(Map<?, ?> map, Budget budget) {
        List<Object> pairs = new ArrayList<>();
        map.forEach(
                (key, value) -> {
                    List<Object> pair = new ArrayList<>();
                    pair.add(key);
                    pair.add(value);
                    pairs.add(new Tuple(pair));
                });
        return budget.list(pairs);
    }

    /** {@code target[start:stop:step]}; absent bounds are null. */
    static Object slice(Object target, Object start, Object stop, Object step, Budget budget) {
        Arithmetic.fail(target);
        if (!(target instanceof String) && !(target instanceof List<?>)) {
            throw new TemplateFault("'" + Values.typeName(target) + "' object can't be sliced");
        }
        long stride = bound(step, 1);
        if (stride == 0) {
            throw new TemplateFault("slice step cannot be zero");
        }
        List<Object> items = Values.items(target, budget);
        long size = items.size();
        long low = stride > 0 ? 0 : -1;
        long high = stride > 0 ? size : size - 1;
        long from =
                start == null ? (stride > 0 ? low : high) : clamp(bound(start, 0), size, low, high);
        long to = stop == null ? (stride > 0 ? high : low) : clamp(bound(stop, 0), size, low, high);
        List<Object> part = new ArrayList<>();
        for (long i = from; stride > 0 ? i < to : i > to; i += stride) {
            part.add(items.get((int) i));
        }
        if (target instanceof String) {
            return Strings.join(part, "", budget);
        }
        return target instanceof Tuple ? new Tuple(part) : part;
    }

    private static long bound(Object value, long absent) {
        if (value == null) {
            return absent;
        }
        if (value instanceof Long number) {
            // Beyond any length a bound means the end; this keeps sums in range.
            return Math.clamp(number, -(1L << 40), 1L << 40);
        }
        throw new TemplateFault("slice indices must be integers, not " + Values.typeName(value));
    }

    private static long clamp(long index, long size, long low, long high) {
        return Math.clamp(index < 0 ? index + size : index, low, Math.max(low, high));
    }
}
