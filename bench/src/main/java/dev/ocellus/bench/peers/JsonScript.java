package dev.ocellus.bench.peers;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.loader.config.JsonFile;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A program that measures something and prints one line of JSON. */
public final class JsonScript {
    private static final Duration FOREVER = Duration.ofDays(1);

    private JsonScript() {}

    /**
     * Runs it to its end.
     *
     * @param name for messages
     * @throws PeerException if it fails
     */
    public static JsonNode run(String name, List<String> command) {
        return run(name, command, FOREVER);
    }

    /**
     * Runs it to its end.
     *
     * @param name for messages
     * @param limit after which it is ended
     * @throws PeerException if it fails or takes longer
     */
    public static JsonNode run(String name, List<String> command, Duration limit) {
        try {
            Process process =
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.DISCARD)
                            .start();
            process.onExit()
                    .orTimeout(limit.toMillis(), TimeUnit.MILLISECONDS)
                    .whenComplete((p, late) -> process.destroyForcibly());
            String out =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0 || out.isBlank()) {
                throw new PeerException(
                        name + " failed; try it by hand: " + String.join(" ", command));
            }
            return JsonFile.parse(name, out.strip().lines().toList().getLast());
        } catch (IOException e) {
            throw new PeerException(name + " cannot be started: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerException("interrupted while waiting for " + name, e);
        }
    }
}
