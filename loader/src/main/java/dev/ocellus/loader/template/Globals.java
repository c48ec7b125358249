package dev.ocellus.loader.template;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions that every template has. */
final class Globals {
    private static final int MAX_RANGE = 100_000;

    private Globals() {}

    static void define(Scope scope) {
        scope.set(
                "raise_exception",
                (Callable)
                        (positional, named) -> {
                            throw new TemplateFault(
                                    new Named("raise_exception", positional, named)
                                            .text(0, "message", ""));
                        });
        scope.set(
                "strftime_now",
                (Callable)
                        (positional, named) ->
                                date(
                                        new Named("strftime_now", positional, named)
                                                .text(0, "format", ""),
                                        LocalDateTime.now()));
        scope.set(
                "namespace",
                (Callable)
                        (positional, named) -> {
                            Map<String, Object> attributes = new LinkedHashMap<>();
                            if (!positional.isEmpty()
                                    && positional.get(0) instanceof Map<?, ?> map) {
                                map.forEach(
                                        (name, value) ->
                                                attributes.put(String.valueOf(name), value));
                            }
                            attributes.putAll(named);
                            return new Namespace(attributes);
                        });
        scope.set(
                "dict", (Callable) (positional, named) -> new LinkedHashMap<Object, Object>(named));
        scope.set(
                "range",
                (Callable) (positional, named) -> range(new Named("range", positional, named)));
    }

    private static List<Object> range(Named arguments) {
        boolean one = arguments.positional().size() == 1;
        int start = one ? 0 : arguments.integer(0, "start", 0);
        int stop = arguments.integer(one ? 0 : 1, "stop", 0);
        int step = arguments.integer(2, "step", 1);
        if (step == 0) {
            throw new TemplateFault("range() arg 3 must not be zero");
        }
        List<Object> range = new ArrayList<>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
            if (range.size() == MAX_RANGE) {
                throw new TemplateFault(
                        "Range too big. The sandbox blocks ranges larger than " + MAX_RANGE + ".");
            }
            range.add(i);
        }
        return range;
    }

    /** A date by the codes of the C library's strftime. */
    static String date(String format, LocalDateTime time) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            if (c != '%' || i + 1 == format.length()) {
                text.append(c);
                continue;
            }
            char code = format.charAt(++i);
            boolean unpadded = code == '-' && i + 1 < format.length();
            if (unpadded) {
                code = format.charAt(++i);
            }
            String value =
                    code == '%'
                            ? "%"
                            : DateTimeFormatter.ofPattern(pattern(code), Locale.ENGLISH)
                                    .format(time);
            text.append(
                    unpadded && value.length() > 1 && value.startsWith("0")
                            ? value.substring(1)
                            : value);
        }
        return text.toString();
    }

    private static String pattern(char code) {
        return switch (code) {
            case 'Y' -> "uuuu";
            case 'y' -> "uu";
            case 'm' -> "MM";
            case 'd' -> "dd";
            case 'B' -> "MMMM";
            case 'b' -> "MMM";
            case 'A' -> "EEEE";
            case 'a' -> "EEE";
            case 'H' -> "HH";
            case 'I' -> "hh";
            case 'M' -> "mm";
            case 'S' -> "ss";
            case 'p' -> "a";
            case 'j' -> "DDD";
            case 'F' -> "uuuu-MM-dd";
            case 'T' -> "HH:mm:ss";
            default ->
                    throw new TemplateFault(
                            "strftime_now: the code %" + code + " is not supported");
        };
    }
}
