package dev.ocellus.tools;

import java.io.IOException;

/** Where the lines of a conversation come from. */
interface LinePrompt {
    /** The next line, or null at the end. */
    String read() throws IOException;

    /**
     * Runs {@code work}; until it ends, Ctrl-C calls {@code cancel}, where there is a terminal to
     * press it at.
     */
    void interruptible(Runnable work, Runnable cancel);
}
