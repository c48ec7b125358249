package dev.ocellus.bench.peers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A program that reads commands from its input, one a line, and answers each with one line. It sits
 * idle between commands, so that work of this process and of its own can take turns. For one
 * thread.
 */
public final class PeerProcess implements AutoCloseable {
    private static final String READY = "ready";

    private final String name;
    private final Process process;
    private final Path errors;
    private final Writer in;
    private final BufferedReader out;

    private PeerProcess(String name, Process process, Path errors) {
        this.name = name;
        this.process = process;
        this.errors = errors;
        in = process.outputWriter(StandardCharsets.UTF_8);
        out = process.inputReader(StandardCharsets.UTF_8);
    }

    /**
     * Starts it and waits until it says "ready"; lines before that are its own affair.
     *
     * @param name for messages
     * @throws PeerException if it cannot be started or ends before it is ready
     */
    public static PeerProcess start(String name, List<String> command) {
        try {
            Path errors = Files.createTempFile("peer", ".log");
            Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
            PeerProcess peer = new PeerProcess(name, process, errors);
            String line = peer.read();
            while (!line.equals(READY)) {
                line = peer.read();
            }
            return peer;
        } catch (IOException e) {
            throw new PeerException(name + " cannot be started: " + e.getMessage(), e);
        }
    }

    public String name() {
        return name;
    }

    public ProcessHandle handle() {
        return process.toHandle();
    }

    /**
     * Sends a command and waits for its answer.
     *
     * @throws PeerException if the process has ended
     */
    public String ask(String command) {
        try {
            in.write(command + "\n");
            in.flush();
            return read();
        } catch (IOException e) {
            throw ended(e);
        }
    }

    /**
     * Seconds of a command that is answered by "cpu-seconds wall-seconds".
     *
     * @param cpu whether CPU time is wanted
     */
    public double seconds(String command, boolean cpu) {
        String[] answer = ask(command).split(" ");
        try {
            return Double.parseDouble(answer[cpu ? 0 : 1]);
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
            throw new PeerException(
                    name + " answered " + String.join(" ", answer) + " to " + command, e);
        }
    }

    private String read() {
        try {
            String line = out.readLine();
            if (line == null) {
                throw ended(null);
            }
            return line;
        } catch (IOException e) {
            throw ended(e);
        }
    }

    private PeerException ended(IOException cause) {
        String last = "";
        try {
            List<String> lines = Files.readAllLines(errors);
            last = lines.isEmpty() ? "" : ": " + lines.getLast();
        } catch (IOException e) {
            // The message has to do without.
        }
        return new PeerException(name + " has ended" + last, cause);
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
            Files.deleteIfExists(errors);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new PeerException(errors + " cannot be deleted", e);
        }
    }
}
