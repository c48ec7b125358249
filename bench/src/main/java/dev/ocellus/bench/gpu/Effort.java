package dev.ocellus.bench.gpu;

/**
 * How often things are measured.
 *
 * @param rounds of a whole work; the median counts
 * @param newTokens decoded in a round
 * @param launches of a step's graph; the median counts
 */
record Effort(int rounds, int newTokens, int launches) {
    static final Effort FULL = new Effort(5, 32, 9);

    /** To try a command. */
    static final Effort SMALL = new Effort(1, 2, 1);
}
