package dev.ocellus.tools;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The command line. Exit codes: 0 done, 1 an error, told in one line, 2 a wrong use of the command
 * line, 130 ended by Ctrl-C.
 */
@Command(
        name = "ocellus",
        description = "Runs vision-language models inside a Java process.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "Start with: ocellus demo", "Help on a command: ocellus COMMAND --help"})
public final class Main implements Runnable {
    /** In the order of the help. */
    private static final Map<String, Supplier<Object>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("demo", DemoCommand::new);
        COMMANDS.put("chat", ChatCommand::new);
        COMMANDS.put("info", InfoCommand::new);
        COMMANDS.put("inspect", InspectCommand::new);
        COMMANDS.put("graph", GraphCommand::new);
        COMMANDS.put("bench", BenchCommand::new);
        COMMANDS.put("verify", VerifyCommand::new);
        COMMANDS.put("quantize", QuantizeCommand::new);
        COMMANDS.put("make-random", MakeRandomCommand::new);
        COMMANDS.put("devices", DevicesCommand::new);
    }

    @Spec private CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Show this help.")
    private boolean help;

    @Option(
            names = "--debug",
            scope = ScopeType.INHERIT,
            description = "Show the stack trace of an error.")
    private boolean debug;

    private Main() {}

    public static void main(String[] args) {
        Runnable ended = ShutdownGuard.announceInterrupts();
        int code = commandLine(args).execute(args);
        ended.run();
        System.exit(code);
    }

    /**
     * The command line, ready to execute these arguments; it ends no process. Where they begin with
     * a command, the others are left out: reading the options of all takes longer than the demo's
     * first answer.
     */
    public static CommandLine commandLine(String... args) {
        Main main = new Main();
        CommandLine commandLine = new CommandLine(main);
        if (args.length > 0 && COMMANDS.containsKey(args[0])) {
            commandLine.addSubcommand(args[0], COMMANDS.get(args[0]).get());
        } else {
            COMMANDS.forEach((name, command) -> commandLine.addSubcommand(name, command.get()));
        }
        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        commandLine.setUsageHelpAutoWidth(true);
        plainHelp(commandLine);
        commandLine.setParameterExceptionHandler(Main::usageError);
        commandLine.setExecutionExceptionHandler(
                (e, command, parsed) -> {
                    command.getOut().flush();
                    command.getErr().println(Failures.line(e, main.debug));
                    if (main.debug) {
                        e.printStackTrace(command.getErr());
                    }
                    return CommandLine.ExitCode.SOFTWARE;
                });
        return commandLine;
    }

    /** Options in the order in which they are declared, which puts the important ones first. */
    private static void plainHelp(CommandLine command) {
        command.getCommandSpec()
                .usageMessage()
                .sortOptions(false)
                .sortSynopsis(false)
                .abbreviateSynopsis(true);
        command.getSubcommands().values().forEach(Main::plainHelp);
    }

    private static int usageError(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        String what = Failures.oneLine(e.getMessage());
        if (e instanceof UnmatchedArgumentException u
                && command.getParent() == null
                && !u.isUnknownOption()) {
            what = "there is no command '" + u.getUnmatched().getFirst() + "'";
        }
        String help = command.getCommandSpec().qualifiedName() + " --help";
        command.getErr().println("error: " + what + "; see " + help);
        return CommandLine.ExitCode.USAGE;
    }

    /** Without a command: what there is. */
    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }
}
