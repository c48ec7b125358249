package dev.ocellus.loader.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * A token that is matched literally before the text is tokenised.
 *
 * @param lstrip whether it takes the white space on its left
 * @param rstrip whether it takes the white space on its right
 * @param singleWord whether it only counts between spaces
 * @param normalized whether it is looked for in the normalised text
 * @param special whether decoding may leave it out
 */
record AddedToken(
        String content,
        boolean lstrip,
        boolean rstrip,
        boolean singleWord,
        boolean normalized,
        boolean special) {

    static AddedToken plain(String content, boolean special) {
        return new AddedToken(content, false, false, false, !special, special);
    }

    /** Reads the object form; a key that is absent takes the reference's default. */
    static AddedToken of(JsonNode object) {
        boolean special = object.path("special").asBoolean(false);
        return new AddedToken(
                object.path("content").asText(),
                object.path("lstrip").asBoolean(false),
                object.path("rstrip").asBoolean(false),
                object.path("single_word").asBoolean(false),
                object.path("normalized").asBoolean(!special),
                special);
    }

    AddedToken asSpecial() {
        return new AddedToken(content, lstrip, rstrip, singleWord, normalized, true);
    }
}
