package dev.ocellus.loader.tokenizer;

import java.util.List;
import java.util.Set;

/**
 * What one of the reference's slow tokenizer classes adds to the rules that {@link SlowTokenizer}
 * holds for all.
 */
interface SlowModel {

    /** Number of tokens of the vocabulary without added tokens; ids run from 0. */
    int size();

    /** The token of an id, or null where the vocabulary has a hole or the id is too large. */
    String token(int id);

    /** Id of a token of the vocabulary, or -1. */
    int id(String token);

    /** Id of what the vocabulary can't express, or -1. */
    int unknownId();

    /** Changes the whole text before it is cut at added tokens. */
    default String prepare(String text) {
        return text;
    }

    /** Appends the tokens of a segment without added tokens. */
    void tokenize(String segment, List<String> tokens);

    /** Changes the tokens of the whole text. */
    default List<String> afterwards(List<String> tokens, Set<String> specialTokens) {
        return tokens;
    }

    /**
     * Collects a run of tokens and turns it into text.
     *
     * @param specialTokens the special tokens that may occur in it
     */
    Run run(Set<String> specialTokens);

    /** Text of a run of tokens; a run holds at least one token. */
    interface Run {
        void accept(String token, StringBuilder text);

        void finish(StringBuilder text);
    }
}
