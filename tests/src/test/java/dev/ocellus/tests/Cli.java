package dev.ocellus.tests;

import dev.ocellus.tools.Main;

import picocli.CommandLine;

import java.io.PrintWriter;
import java.io.StringWriter;

/** Runs the command line in this process. */
final class Cli {
    /** What came of a run: exit code and the two streams. */
    record Result(int code, String out, String err) {}

    private Cli() {}

    static Result run(Object... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        CommandLine command = Main.commandLine(words);
        command.setOut(new PrintWriter(out));
        command.setErr(new PrintWriter(err));
        int code = command.execute(words);
        command.getOut().flush();
        command.getErr().flush();
        return new Result(code, out.toString(), err.toString());
    }
}
