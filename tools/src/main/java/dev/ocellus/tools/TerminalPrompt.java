package dev.ocellus.tools;

import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

import java.io.IOException;

/** Lines typed at a terminal, with editing and a history; Ctrl-C at the prompt ends. */
final class TerminalPrompt implements LinePrompt, AutoCloseable {
    private final Terminal terminal;
    private final LineReader reader;

    TerminalPrompt() throws IOException {
        terminal = TerminalBuilder.builder().system(true).build();
        reader =
                LineReaderBuilder.builder()
                        .terminal(terminal)
                        // Questions hold exclamation marks and backslashes that mean nothing here.
                        .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                        .build();
    }

    @Override
    public String read() {
        try {
            return reader.readLine("> ");
        } catch (EndOfFileException | UserInterruptException e) {
            return null;
        }
    }

    @Override
    public void interruptible(Runnable work, Runnable cancel) {
        Terminal.SignalHandler before =
                terminal.handle(Terminal.Signal.INT, signal -> cancel.run());
        try {
            work.run();
        } finally {
            terminal.handle(Terminal.Signal.INT, before);
        }
    }

    @Override
    public void close() throws IOException {
        terminal.close();
    }
}
