package dev.ocellus.loader.text;

/** Text rules of the reference's language that differ from Java's. */
public final class PythonText {
    private PythonText() {}

    /**
     * Whether {@code str.isspace} holds: Unicode white space and the four information separators.
     */
    public static boolean isSpace(int codePoint) {
        return switch (codePoint) {
            case '\t', '\n', 0x0b, '\f', '\r', 0x1c, 0x1d, 0x1e, 0x1f, ' ', 0x85, 0xa0, 0x1680 ->
                    true;
            case 0x2028, 0x2029, 0x202f, 0x205f, 0x3000 -> true;
            default -> codePoint >= 0x2000 && codePoint <= 0x200a;
        };
    }

    public static String stripLeft(String text) {
        int start = 0;
        while (start < text.length() && isSpace(text.charAt(start))) {
            start++;
        }
        return text.substring(start);
    }

    public static String stripRight(String text) {
        int end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(0, end);
    }

    /**
     * The text with every surrogate that has no partner replaced by U+FFFD, so that it has a UTF-8
     * form.
     */
    public static String wellFormed(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                StringBuilder fixed = new StringBuilder(text.length());
                text.codePoints()
                        .map(
                                c ->
                                        c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE
                                                ? 0xfffd
                                                : c)
                        .forEach(fixed::appendCodePoint);
                return fixed.toString();
            }
        }
        return text;
    }
}
