package dev.ocellus.tools;

import dev.ocellus.device.DeviceChoice;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** The option that says where a model runs. */
final class DeviceOption {
    @Spec(Target.MIXEE)
    private CommandSpec spec;

    private DeviceChoice choice = DeviceChoice.AUTO;

    @Option(
            names = "--device",
            paramLabel = "NAME",
            description =
                    "Where the model runs: cpu, cuda, cuda:N or auto (default: auto: the first GPU if there is one, else the processor).")
    private void device(String name) {
        try {
            choice = DeviceChoice.of(name);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--device " + e.getMessage(), e);
        }
    }

    /**
     * Takes the processor, for something that can be done there alone.
     *
     * @param what what that is
     */
    void requireProcessor(String what) {
        if (choice.kind() == DeviceChoice.Kind.CUDA) {
            throw new ParameterException(
                    spec.commandLine(),
                    what + " is for the processor; leave out --device " + choice);
        }
        choice = DeviceChoice.CPU;
    }

    /** The device by its name; says so where {@code auto} had a choice. */
    DeviceChoice choice() {
        DeviceChoice.Resolved resolved = choice.resolve();
        if (!resolved.reason().isEmpty()) {
            spec.commandLine()
                    .getErr()
                    .println("device " + resolved.choice() + ": " + resolved.reason());
        }
        // So that it is said once.
        choice = resolved.choice();
        return choice;
    }
}
