package dev.ocellus.loader.template;

import dev.ocellus.loader.text.PythonText;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/** The methods of strings. */
final class Strings {
    private Strings() {}

    /** The method of a string, or null when there is none of that name. */
    static Callable method(String self, String name, Budget budget) {
        if (!isMethod(name)) {
            return null;
        }
        return (positional, named) -> {
            budget.length(self.length());
            return call(self, new Named(name, positional, named), budget);
        };
    }

    private static boolean isMethod(String name) {
        return switch (name) {
            case "strip",
                    "lstrip",
                    "rstrip",
                    "split",
                    "rsplit",
                    "splitlines",
                    "startswith",
                    "endswith" ->
                    true;
            case "upper",
                    "lower",
                    "title",
                    "capitalize",
                    "replace",
                    "join",
                    "find",
                    "rfind",
                    "index" ->
                    true;
            case "count", "removeprefix", "removesuffix", "zfill", "partition", "rpartition" ->
                    true;
            case "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower" -> true;
            default -> false;
        };
    }

    private static Object call(String self, Named arguments, Budget budget) {
        return switch (arguments.callee()) {
            case "strip" -> strip(self, arguments.text(0, "chars", null), true, true);
            case "lstrip" -> strip(self, arguments.text(0, "chars", null), true, false);
            case "rstrip" -> strip(self, arguments.text(0, "chars", null), false, true);
            case "split" ->
                    split(
                            self,
                            arguments.text(0, "sep", null),
                            arguments.integer(1, "maxsplit", -1),
                            budget);
            case "rsplit" -> reversed(self, arguments, budget);
            case "splitlines" -> new ArrayList<Object>(self.lines().toList());
            case "startswith" -> hasAffix(arguments, self::startsWith);
            case "endswith" -> hasAffix(arguments, self::endsWith);
            case "upper" -> self.toUpperCase(Locale.ROOT);
            case "lower" -> self.toLowerCase(Locale.ROOT);
            case "title" -> title(self);
            case "capitalize" -> capitalize(self);
            case "replace" ->
                    replace(
                            self,
                            required(arguments, 0, "old"),
                            required(arguments, 1, "new"),
                            arguments.integer(2, "count", -1),
                            budget);
            case "join" ->
                    join(Values.items(arguments.get(0, "iterable", null), budget), self, budget);
            case "find" -> position(self, self.indexOf(required(arguments, 0, "sub")));
            case "rfind" -> position(self, self.lastIndexOf(required(arguments, 0, "sub")));
            case "index" -> {
                int at = self.indexOf(required(arguments, 0, "sub"));
                if (at < 0) {
                    throw new TemplateFault("substring not found");
                }
                yield position(self, at);
            }
            case "count" -> (long) count(self, required(arguments, 0, "sub"));
            case "removeprefix" -> {
                String prefix = required(arguments, 0, "prefix");
                yield self.startsWith(prefix) ? self.substring(prefix.length()) : self;
            }
            case "removesuffix" -> {
                String suffix = required(arguments, 0, "suffix");
                yield self.endsWith(suffix)
                        ? self.substring(0, self.length() - suffix.length())
                        : self;
            }
            case "zfill" -> zeros(self, arguments.integer(0, "width", 0), budget);
            case "partition" -> partition(self, required(arguments, 0, "sep"), false);
            case "rpartition" -> partition(self, required(arguments, 0, "sep"), true);
            default -> is(self, arguments.callee());
        };
    }

    private static String required(Named arguments, int position, String name) {
        String value = arguments.text(position, name, null);
        if (value == null) {
            throw new TemplateFault(arguments.callee() + ": '" + name + "' is missing");
        }
        return value;
    }

    private static long position(String self, int at) {
        return at < 0 ? -1 : self.codePointCount(0, at);
    }

    /** Removes characters at the ends; null stands for white space. */
    static String strip(String self, String characters, boolean left, boolean right) {
        IntPredicate removed =
                characters == null ? PythonText::isSpace : c -> characters.indexOf(c) >= 0;
        int start = 0;
        int end = self.length();
        while (left && start < end && removed.test(self.codePointAt(start))) {
            start += Character.charCount(self.codePointAt(start));
        }
        while (right && end > start && removed.test(self.codePointBefore(end))) {
            end -= Character.charCount(self.codePointBefore(end));
        }
        return self.substring(start, end);
    }

    private static List<Object> split(String self, String separator, int most, Budget budget) {
        List<Object> parts = new ArrayList<>();
        if (separator == null) {
            String rest = strip(self, null, true, false);
            while (!rest.isEmpty()) {
                int end = 0;
                while (end < rest.length() && !PythonText.isSpace(rest.charAt(end))) {
                    end++;
                }
                if (parts.size() == most) {
                    parts.add(rest);
                    break;
                }
                budget.length(rest.length());
                parts.add(rest.substring(0, end));
                rest = strip(rest.substring(end), null, true, false);
            }
            return budget.list(parts);
        }
        if (separator.isEmpty()) {
            throw new TemplateFault("empty separator");
        }
        int start = 0;
        for (int at = self.indexOf(separator);
                at >= 0 && parts.size() != most;
                at = self.indexOf(separator, start)) {
            parts.add(self.substring(start, at));
            start = at + separator.length();
        }
        parts.add(self.substring(start));
        return budget.list(parts);
    }

    /** Splits from the right, by splitting the mirror image. */
    private static List<Object> reversed(String self, Named arguments, Budget budget) {
        String separator = arguments.text(0, "sep", null);
        int most = arguments.integer(1, "maxsplit", -1);
        List<Object> parts = new ArrayList<>();
        for (Object part :
                split(mirror(self), separator == null ? null : mirror(separator), most, budget)
                        .reversed()) {
            parts.add(mirror((String) part));
        }
        return parts;
    }

    private static String mirror(String text) {
        return new StringBuilder(text).reverse().toString();
    }

    private static boolean hasAffix(Named arguments, Predicate<String> matches) {
        if (arguments.get(0, "prefix", null) instanceof Tuple options) {
            return options.stream().anyMatch(o -> o instanceof String s && matches.test(s));
        }
        return matches.test(required(arguments, 0, "prefix"));
    }

    static String capitalize(String self) {
        if (self.isEmpty()) {
            return self;
        }
        int end = Character.charCount(self.codePointAt(0));
        return self.substring(0, end).toUpperCase(Locale.ROOT)
                + self.substring(end).toLowerCase(Locale.ROOT);
    }

    private static String title(String self) {
        StringBuilder title = new StringBuilder();
        boolean inWord = false;
        for (int c : self.codePoints().toArray()) {
            title.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c);
        }
        return title.toString();
    }

    static String replace(String self, String old, String replacement, int most, Budget budget) {
        StringBuilder text = new StringBuilder();
        int start = 0;
        int done = 0;
        int at = self.indexOf(old);
        while (at >= 0 && done != most) {
            text.append(self, start, at).append(replacement);
            budget.length((long) text.length() + self.length());
            done++;
            start = at + old.length();
            if (old.isEmpty() && at < self.length()) {
                text.append(self.charAt(at));
                start = at + 1;
            }
            at = old.isEmpty() && at == self.length() ? -1 : self.indexOf(old, Math.max(start, at));
        }
        return text.append(self, Math.min(start, self.length()), self.length()).toString();
    }

    static String join(List<Object> parts, String separator, Budget budget) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < parts.size(); i++) {
            if (!(parts.get(i) instanceof String part)) {
                throw new TemplateFault(
                        "sequence item "
                                + i
                                + ": expected str instance, "
                                + Values.typeName(parts.get(i))
                                + " found");
            }
            text.append(i == 0 ? "" : separator).append(part);
            if (text.length() > Budget.MAX_TEXT) {
                break;
            }
        }
        return budget.text(text.toString());
    }

    private static int count(String self, String part) {
        if (part.isEmpty()) {
            return self.codePointCount(0, self.length()) + 1;
        }
        int count = 0;
        for (int at = self.indexOf(part); at >= 0; at = self.indexOf(part, at + part.length())) {
            count++;
        }
        return count;
    }

    private static String zeros(String self, int width, Budget budget) {
        budget.length(width);
        int sign = self.startsWith("-") || self.startsWith("+") ? 1 : 0;
        return self.substring(0, sign)
                + "0".repeat(Math.max(0, width - self.length()))
                + self.substring(sign);
    }

    private static Tuple partition(String self, String separator, boolean fromRight) {
        int at = fromRight ? self.lastIndexOf(separator) : self.indexOf(separator);
        if (at < 0) {
            return new Tuple(fromRight ? List.of("", "", self) : List.of(self, "", ""));
        }
        return new Tuple(
                List.of(self.substring(0, at), separator, self.substring(at + separator.length())));
    }

    private static boolean is(String self, String test) {
        boolean cased =
                self.codePoints()
                        .anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
        return !self.isEmpty()
                && switch (test) {
                    case "isdigit" -> self.codePoints().allMatch(Character::isDigit);
                    case "isalpha" -> self.codePoints().allMatch(Character::isLetter);
                    case "isalnum" -> self.codePoints().allMatch(Character::isLetterOrDigit);
                    case "isspace" -> self.codePoints().allMatch(PythonText::isSpace);
                    case "isupper" -> cased && self.codePoints().noneMatch(Character::isLowerCase);
                    default -> cased && self.codePoints().noneMatch(Character::isUpperCase);
                };
    }
}
