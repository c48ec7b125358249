package dev.ocellus.tools;

/**
 * Which of the process's streams are a terminal. The launcher knows and says so in the property
 * {@code ocellus.terminal}, by the letters i, o and e; without it none is.
 */
final class Terminals {
    private static final String STREAMS = System.getProperty("ocellus.terminal", "");

    private Terminals() {}

    static boolean input() {
        return STREAMS.contains("i");
    }

    static boolean output() {
        return STREAMS.contains("o");
    }

    static boolean error() {
        return STREAMS.contains("e");
    }
}
