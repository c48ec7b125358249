package dev.ocellus.tests;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs programs in processes of their own, in the folder of the checkout. */
final class Child {
    /** The class path of the tests. */
    static final String CLASS_PATH = System.getProperty("java.class.path");

    /** What came of a process: exit code and the two streams. */
    record Result(int code, String out, String err) {}

    private Child() {}

    /** Runs a class with this process's Java. */
    static Result java(List<String> options, String... mainAndArguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Dstdout.encoding=UTF-8");
        command.addAll(options);
        command.addAll(List.of(mainAndArguments));
        return run(command);
    }

    /** Runs a program to its end. */
    static Result run(List<String> command) throws IOException, InterruptedException {
        Path out = Files.createTempFile("ocellus-test", ".out");
        Path err = Files.createTempFile("ocellus-test", ".err");
        try {
            Process process =
                    new ProcessBuilder(command)
                            .directory(Repository.ROOT.toFile())
                            .redirectOutput(out.toFile())
                            .redirectError(err.toFile())
                            .start();
            process.getOutputStream().close();
            int code = process.waitFor();
            return new Result(
                    code,
                    Files.readString(out, StandardCharsets.UTF_8),
                    Files.readString(err, StandardCharsets.UTF_8));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }
}
