package dev.ocellus.loader.tokenizer;

import java.nio.file.Path;

/** A tokenizer that can't be opened or used; the message names the file and the rule it breaks. */
public final class TokenizerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file the file (or folder) at fault
     * @param rule what is wrong with it, and where there is one the way out
     */
    public TokenizerException(Path file, String rule) {
        super(file + ": " + rule);
    }

    /** As above, with the exception that showed the fault. */
    public TokenizerException(Path file, String rule, Throwable cause) {
        super(file + ": " + rule, cause);
    }
}
