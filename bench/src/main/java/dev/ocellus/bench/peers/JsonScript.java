package dev.ocellus.bench.peers;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.loader.config.JsonFile;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A program that measures something and prints one line of JSON. */
public final class JsonScript {
    private JsonScript() {}

    /**
     * Runs it to its end.
     *
     * @param name for messages
     * @throws PeerException if it fails
     */
    public static JsonNode run(String name, List<String> command) {
        try {
            Process process =
                    new ProcessBuilder(command)
                            .redirectError(ProcessBuilder.Redirect.DISCARD)
                            .start();
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
