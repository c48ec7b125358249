package dev.ocellus.loader.safetensors;

import dev.ocellus.loader.CheckpointException;

import java.nio.file.Path;

/** A safetensors file breaks a rule of its format, or can't be read or written. */
public final class SafetensorsException extends CheckpointException {
    /** What was broken. */
    public enum Rule {
        /** A file has at least the 8 bytes of the header length. */
        FILE_TOO_SHORT,
        /** A header takes at most 100 MB. */
        HEADER_TOO_LONG,
        /** The header lies inside the file. */
        HEADER_PAST_END,
        /** The header is UTF-8. */
        HEADER_NOT_UTF8,
        /** The header is one JSON object, begins with its brace and ends with it or with spaces. */
        HEADER_NOT_JSON,
        /** {@code __metadata__} maps strings to strings. */
        METADATA_NOT_STRINGS,
        /** No name occurs twice in an object. */
        DUPLICATE_NAME,
        /** A tensor has the keys dtype, shape and data_offsets and no others. */
        WRONG_KEYS,
        /**
         * A tensor's value is an object, its shape and data_offsets are lists, its dtype a string.
         */
        WRONG_TYPE,
        /** The dtype is one of the format's. */
        UNKNOWN_DTYPE,
        /** Dimensions and offsets are integers of 64 bits, written without point or exponent. */
        NOT_AN_INTEGER,
        /** Dimensions and offsets aren't negative. */
        NEGATIVE,
        /** The number of elements and of bytes fits 63 bits. */
        SHAPE_OVERFLOW,
        /** A tensor's byte range is as long as its shape and dtype say. */
        RANGE_SIZE,
        /** No two tensors share bytes. */
        OVERLAP,
        /** Every byte behind the header belongs to a tensor. */
        HOLE,
        /** Every tensor lies inside the file. */
        PAST_END,
        /** The metadata of packed matrices fits the tensors. */
        PANELS,
        /** The file keeps its length while it is read. */
        FILE_SHRANK,
        /** The operating system refused to read or write. */
        IO
    }

    private final Rule rule;

    SafetensorsException(Path file, Rule rule, String sentence) {
        this(file, rule, sentence, null);
    }

    SafetensorsException(Path file, Rule rule, String sentence, Throwable cause) {
        super(file + ": " + sentence, cause);
        this.rule = rule;
    }

    public Rule rule() {
        return rule;
    }
}
