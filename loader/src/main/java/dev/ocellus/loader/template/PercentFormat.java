package dev.ocellus.loader.template;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The percent formatting of strings: {@code %s %d %f %x} with flags, width and precision. */
final class PercentFormat {
    private static final Pattern FIELD =
            Pattern.compile("%([-+0 ]*)(\\d{0,4})(?:\\.(\\d{1,3}))?([sdifxr%])");

    private PercentFormat() {}

    static String format(String format, List<?> arguments, Budget budget) {
        StringBuilder text = new StringBuilder();
        Matcher field = FIELD.matcher(format);
        int used = 0;
        int at = 0;
        while (format.indexOf('%', at) >= 0) {
            int begin = format.indexOf('%', at);
            if (!field.region(begin, format.length()).lookingAt()) {
                throw new TemplateFault("unsupported format in '" + format + "'");
            }
            text.append(format, at, begin);
            at = field.end();
            if (field.group(4).equals("%")) {
                text.append('%');
                continue;
            }
            if (used == arguments.size()) {
                throw new TemplateFault("not enough arguments for format string");
            }
            text.append(field(field, arguments.get(used++), budget));
        }
        if (used < arguments.size()) {
            throw new TemplateFault("not all arguments converted during string formatting");
        }
        return budget.text(text.append(format.substring(at)).toString());
    }

    private static String field(Matcher field, Object argument, Budget budget) {
        String conversion = field.group(4);
        String precision = field.group(3);
        String value;
        if (conversion.equals("s") || conversion.equals("r")) {
            value = Values.text(argument, budget);
            if (precision != null) {
                value = value.substring(0, Math.min(value.length(), Integer.parseInt(precision)));
            }
        } else if (!Values.isNumber(argument)) {
            throw new TemplateFault(
                    "%"
                            + conversion
                            + " format: a number is required, not "
                            + Values.typeName(argument));
        } else if (conversion.equals("f")) {
            value =
                    String.format(
                            Locale.ROOT,
                            "%." + (precision == null ? "6" : precision) + "f",
                            Values.asDouble(argument));
        } else {
            long number = (long) Values.asDouble(argument);
            value = conversion.equals("x") ? Long.toString(number, 16) : Long.toString(number);
        }
        return pad(value, field.group(1), field.group(2), !conversion.equals("s"));
    }

    private static String pad(String value, String flags, String width, boolean isNumber) {
        String signed =
                isNumber && flags.contains("+") && !value.startsWith("-") ? "+" + value : value;
        int missing = (width.isEmpty() ? 0 : Integer.parseInt(width)) - signed.length();
        if (missing <= 0) {
            return signed;
        }
        if (flags.contains("-")) {
            return signed + " ".repeat(missing);
        }
        if (isNumber && flags.contains("0")) {
            int sign = signed.startsWith("-") || signed.startsWith("+") ? 1 : 0;
            return signed.substring(0, sign) + "0".repeat(missing) + signed.substring(sign);
        }
        return " ".repeat(missing) + signed;
    }
}
