package dev.ocellus.loader.template;

/** The escapes of string literals. */
final class StringLiteral {
    private StringLiteral() {}

    static String value(String body) {
        if (body.indexOf('\\') < 0) {
            return body;
        }
        StringBuilder value = new StringBuilder();
        for (int i = 0; i < body.length(); i++) {
            char c = body.charAt(i);
            if (c != '\\' || i + 1 == body.length()) {
                value.append(c);
                continue;
            }
            char escape = body.charAt(++i);
            int digits =
                    switch (escape) {
                        case 'x' -> 2;
                        case 'u' -> 4;
                        case 'U' -> 8;
                        default -> 0;
                    };
            if (digits > 0) {
                value.appendCodePoint(codePoint(body, i + 1, digits));
                i += digits;
            } else {
                append(escape, value);
            }
        }
        return value.toString();
    }

    private static int codePoint(String body, int start, int digits) {
        try {
            int codePoint = Integer.parseInt(body.substring(start, start + digits), 16);
            if (Character.isValidCodePoint(codePoint)) {
                return codePoint;
            }
        } catch (NumberFormatException | IndexOutOfBoundsException e) {
            // Reported below like a number that is no character.
        }
        throw new TemplateFault("a string has a malformed escape");
    }

    private static void append(char escape, StringBuilder value) {
        switch (escape) {
            case 'n' -> value.append('\n');
            case 't' -> value.append('\t');
            case 'r' -> value.append('\r');
            case 'b' -> value.append('\b');
            case 'f' -> value.append('\f');
            case 'a' -> value.append('\u0007');
            case 'v' -> value.append('\u000b');
            case '0' -> value.append('\0');
            case '\\', '\'', '"' -> value.append(escape);
            case '\n' -> {}
            default -> value.append('\\').append(escape);
        }
    }
}
