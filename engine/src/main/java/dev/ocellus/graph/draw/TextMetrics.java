package dev.ocellus.graph.draw;

/**
 * Widths of sans-serif text, a little above those of the common fonts, so that text fits whatever
 * font a viewer has.
 */
public final class TextMetrics {
    private static final double MARGIN = 1.1;

    private TextMetrics() {}

    /** Width of a line in units of {@code size}'s unit. */
    public static double width(String s, double size) {
        return s.codePoints().mapToDouble(TextMetrics::em).sum() * size * MARGIN;
    }

    /** The text, or its two ends with dots between where it is wider than {@code limit}. */
    public static String fit(String s, double size, double limit) {
        String shown = s;
        for (int keep = s.length() - 1; width(shown, size) > limit && keep > 1; keep--) {
            shown = s.substring(0, keep - keep / 2) + "…" + s.substring(s.length() - keep / 2);
        }
        return shown;
    }

    private static double em(int c) {
        return switch (c) {
            case 'i',
                    'j',
                    'l',
                    't',
                    'f',
                    'r',
                    'I',
                    '.',
                    ',',
                    ':',
                    ' ',
                    '[',
                    ']',
                    '(',
                    ')',
                    '/',
                    '-' ->
                    0.34;
            case 'm', 'w', 'M', 'W', '%', '→', '…' -> 0.95;
            default -> Character.isUpperCase(c) ? 0.72 : c < 0x2000 ? 0.57 : 1;
        };
    }
}
