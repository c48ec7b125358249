package dev.ocellus.tools;

import dev.ocellus.generate.GenerationOptions;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

import java.util.ArrayList;
import java.util.List;

/** Options of how tokens are chosen and when an answer ends. */
final class SamplingOptions {
    @Spec(Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            description = "Longest answer (default: ${DEFAULT-VALUE}).")
    private int maxTokens = GenerationOptions.DEFAULT.maxNewTokens();

    @Option(
            names = "--temperature",
            paramLabel = "T",
            description = "Divides the logits; 0 takes the likeliest token (default: 0).")
    private double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Draw from the K likeliest tokens only; 0 for all (default: 0).")
    private int topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Draw from the likeliest tokens that reach P together (default: 1).")
    private double topP = 1;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description = "Draw from tokens with P times the best probability (default: 0).")
    private double minP;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "R",
            description = "Makes tokens that occurred less likely (default: 1, off).")
    private double repetitionPenalty = 1;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the draws (default: 0).")
    private long seed;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "Text that ends the answer; may be given several times.")
    private List<String> stop = new ArrayList<>();

    GenerationOptions options() {
        try {
            return new GenerationOptions(
                    maxTokens,
                    temperature,
                    topK,
                    topP,
                    minP,
                    repetitionPenalty,
                    seed,
                    stop,
                    List.of());
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }
}
