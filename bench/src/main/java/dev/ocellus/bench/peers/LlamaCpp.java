package dev.ocellus.bench.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A build of llama.cpp: compiles the driver against it and starts it on a model. */
public final class LlamaCpp {
    private final Path driver;

    private LlamaCpp(Path driver) {
        this.driver = driver;
    }

    /**
     * Compiles the driver with the C compiler ("cc", or what the environment's CC names).
     *
     * @param build a build folder with its sources around it, or an installation
     * @param source the driver's source
     * @param work folder for the compiled driver
     * @throws PeerException if there is no such build, or it does not compile
     */
    public static LlamaCpp of(Path build, Path source, Path work) {
        Path libraries =
                Stream.of(build.resolve("bin"), build.resolve("lib"), build)
                        .filter(LlamaCpp::holdsLibrary)
                        .findFirst()
                        .orElseThrow(
                                () ->
                                        new PeerException(
                                                build + ": holds no shared library of llama.cpp"));
        Path absolute = build.toAbsolutePath().normalize();
        Path driver = work.resolve("llama-driver");
        List<String> command = new ArrayList<>();
        command.add(System.getenv().getOrDefault("CC", "cc"));
        command.addAll(List.of("-O2", "-o", driver.toString(), source.toString()));
        for (Path headers :
                List.of(
                        absolute.resolve("include"),
                        absolute.resolveSibling("include"),
                        absolute.resolveSibling("ggml").resolve("include"))) {
            command.add("-I" + headers);
        }
        command.addAll(
                List.of(
                        "-L" + libraries,
                        "-Wl,-rpath," + libraries.toAbsolutePath(),
                        "-lllama",
                        "-lggml",
                        "-lggml-base"));
        run(command);
        return new LlamaCpp(driver);
    }

    private static boolean holdsLibrary(Path folder) {
        return Files.exists(folder.resolve("libllama.so"))
                || Files.exists(folder.resolve("libllama.dylib"));
    }

    private static void run(List<String> command) {
        try {
            Process cc = new ProcessBuilder(command).redirectErrorStream(true).start();
            String messages = new String(cc.getInputStream().readAllBytes());
            if (cc.waitFor() != 0) {
                throw new PeerException("the driver does not compile: " + messages.strip());
            }
        } catch (IOException e) {
            throw new PeerException("the driver cannot be compiled: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerException("interrupted while compiling the driver", e);
        }
    }

    /**
     * Starts the driver.
     *
     * @param contextTokens longest sequence
     */
    public PeerProcess start(Path model, int threads, int contextTokens) {
        return PeerProcess.start(
                "llama.cpp",
                List.of(
                        driver.toString(),
                        model.toString(),
                        String.valueOf(threads),
                        String.valueOf(contextTokens)));
    }
}
