package dev.ocellus.loader.tokenizer;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Text to token ids and back, as the transformers library (4.57) does it for the same folder.
 *
 * <p>Implementations are immutable and safe for use by several threads at once.
 */
public interface Tokenizer {

    /**
     * Opens the tokenizer of a checkpoint folder. {@code tokenizer.json}, when present, defines it;
     * otherwise the class named in {@code tokenizer_config.json} with its files ({@code
     * tokenizer.model}, or {@code vocab.json} and {@code merges.txt}).
     *
     * @throws TokenizerException if a file is missing, malformed, or names a tokenizer class that
     *     is not supported
     */
    static Tokenizer load(Path folder) {
        return TokenizerLoader.load(folder);
    }

    /**
     * Token ids of a text. Registered added tokens in the text are recognised, whatever {@code
     * addSpecialTokens} says. A UTF-16 surrogate without its partner counts as U+FFFD.
     *
     * @param addSpecialTokens whether to put the tokens around the text that the model expects
     *     (BOS, EOS, ...)
     */
    int[] encode(String text, boolean addSpecialTokens);

    /**
     * Text of token ids. An id that names no token adds nothing.
     *
     * @param skipSpecialTokens whether to leave special tokens out
     */
    String decode(int[] ids, boolean skipSpecialTokens);

    /** Decodes a sequence id by id; see {@link StreamingDecoder}. */
    StreamingDecoder streaming(boolean skipSpecialTokens);

    /** Id of exactly this token, added tokens included. */
    OptionalInt id(String token);

    /**
     * The token of an id as the vocabulary spells it (with its space or byte marks), added tokens
     * included.
     */
    Optional<String> token(int id);

    /** Whether decoding with {@code skipSpecialTokens} leaves this id out. */
    boolean isSpecial(int id);

    /** The highest id plus one. */
    int vocabularySize();

    /** The begin-of-sequence token, where one is configured. */
    Optional<String> bosToken();

    /** The end-of-sequence token, where one is configured. */
    Optional<String> eosToken();

    /** The padding token, where one is configured. */
    Optional<String> padToken();

    /** The token of what the vocabulary can't express, where one is configured. */
    Optional<String> unkToken();
}
