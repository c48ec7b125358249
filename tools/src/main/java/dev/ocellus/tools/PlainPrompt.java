package dev.ocellus.tools;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** Lines of a stream, without a prompt: for conversations in a pipe. */
final class PlainPrompt implements LinePrompt {
    private final BufferedReader lines;

    /**
     * @param in is not closed
     */
    PlainPrompt(InputStream in) {
        lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
    }

    @Override
    public String read() throws IOException {
        return lines.readLine();
    }

    @Override
    public void interruptible(Runnable work, Runnable cancel) {
        try (ShutdownGuard _ = new ShutdownGuard(cancel)) {
            work.run();
        }
    }
}
