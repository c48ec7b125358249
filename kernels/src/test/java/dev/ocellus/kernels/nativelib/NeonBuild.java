package dev.ocellus.kernels.nativelib;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The NEON kernels on a machine of another kind: compiled by a cross compiler, into the library and
 * into a program for the emulator, {@code src/test/c/kernelserver.c}. Warnings are errors.
 */
final class NeonBuild {
    static final String COMPILER = "aarch64-linux-gnu-gcc";
    static final String EMULATOR = "qemu-aarch64";

    private static final Path FOLDER = Path.of("target", "neon").toAbsolutePath();
    private static final Path OBJECTS = FOLDER.resolve("objects");
    private static final Path SERVER = FOLDER.resolve("kernelserver");
    private static final String STRICT = COMPILER + " -Werror";

    private static boolean libraryBuilt;
    private static boolean serverBuilt;

    /** The first of these commands that is not installed. */
    static Optional<String> missing(String... commands) {
        return Stream.of(commands).filter(c -> !isInstalled(c)).findFirst();
    }

    private static boolean isInstalled(String command) {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(":"))
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, command)));
    }

    /** Compiles what has changed since it was last compiled. */
    static synchronized void library() {
        if (!libraryBuilt) {
            run("sh", "c/build.sh", FOLDER.toString(), OBJECTS.toString());
            libraryBuilt = true;
        }
    }

    /** The program; it is the same for all instruction sets. */
    static synchronized Path server() {
        library();
        if (!serverBuilt) {
            List<String> command = new ArrayList<>(List.of(STRICT.split(" ")));
            command.addAll(List.of("-std=gnu11", "-O2", "-Wall", "-Wextra", "-static", "-Ic"));
            command.addAll(List.of("src/test/c/kernelserver.c", "-o", SERVER.toString()));
            try (Stream<Path> objects = Files.list(OBJECTS)) {
                objects.map(Path::toString).filter(f -> f.endsWith(".o")).forEach(command::add);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
            command.add("-lm");
            run(command.toArray(String[]::new));
            serverBuilt = true;
        }
        return SERVER;
    }

    /** Where a process that serves an instruction set leaves its messages. */
    static Path log(String instructionSet) {
        return FOLDER.resolve(instructionSet + ".log");
    }

    private static void run(String... command) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
            builder.environment().put("CC", STRICT);
            Process process = builder.start();
            String said = new String(process.getInputStream().readAllBytes());
            if (process.waitFor() != 0) {
                throw new AssertionError(
                        "NEON kernels: " + String.join(" ", command) + "\n" + said);
            }
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private NeonBuild() {}
}
