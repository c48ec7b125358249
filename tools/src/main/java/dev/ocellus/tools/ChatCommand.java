package dev.ocellus.tools;

import dev.ocellus.Answer;
import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.Question;
import dev.ocellus.Reply;
import dev.ocellus.Session;
import dev.ocellus.generate.FinishReason;
import dev.ocellus.generate.GenerationOptions;
import dev.ocellus.loader.image.RgbImage;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** One question about images, or a conversation. */
@Command(
        name = "chat",
        description = "Answers questions about images, once or in a conversation.",
        footer = {
            "",
            "Without a question it is a conversation: lines are questions, and",
            "/image FILE, /reset, /help and /quit do what they say. Ctrl-C ends an",
            "answer.",
            "",
            "  ocellus chat InternVL3-2B --image cat.png \"What does the cat do?\"",
            "  ocellus chat InternVL3-2B --image a.png --image b.png \"What is different?\"",
            "  ocellus chat InternVL3-2B"
        })
final class ChatCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Parameters(
            index = "0",
            paramLabel = "MODEL",
            description = "Folder of an InternVL chat model or a language model.")
    private Path folder;

    @Parameters(
            index = "1",
            arity = "0..1",
            paramLabel = "QUESTION",
            description =
                    "What is asked; <image> marks in it say where the images stand (default: in front).")
    private String question;

    @Option(
            names = {"-i", "--image"},
            paramLabel = "FILE",
            description =
                    "PNG, JPEG, WebP, BMP or GIF file, for the first question; may be given several times.")
    private List<Path> files = new ArrayList<>();

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "Replaces the model's system message.")
    private String system;

    @Option(
            names = "--max-tiles",
            paramLabel = "N",
            description = "Most tiles an image is cut into (default: what the model says).")
    private int maxTiles;

    @Option(
            names = "--apply-orientation",
            description = "Turn photos as their EXIF data says; the reference does not.")
    private boolean applyOrientation;

    @Option(names = "--json", description = "Print each answer as a line of JSON.")
    private boolean json;

    @Option(names = "--quiet", description = "Print no line of figures after an answer.")
    private boolean quiet;

    @Mixin private OpeningOptions opening;
    @Mixin private SamplingOptions sampling;

    @Override
    public Integer call() throws IOException {
        GenerationOptions generation = sampling.options();
        List<RgbImage> images =
                files.stream().map(f -> ImageFiles.read(f, applyOrientation)).toList();
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        AnswerPrinter printer = new AnswerPrinter(out, err, json, quiet);
        try (Ocellus model = open()) {
            if (question != null) {
                return once(model, new Question(question, images), generation, printer);
            }
            ChatLoop loop =
                    new ChatLoop(
                            model,
                            generation,
                            printer,
                            f -> ImageFiles.read(f, applyOrientation),
                            err);
            loop.add(images);
            if (Terminals.input() && Terminals.output()) {
                try (TerminalPrompt prompt = new TerminalPrompt()) {
                    return loop.run(prompt);
                }
            }
            return loop.run(new PlainPrompt(System.in));
        }
    }

    private Ocellus open() {
        try (Bars bars = Bars.ofBytes()) {
            OpenOptions options =
                    opening.options()
                            .withMaxTiles(maxTiles)
                            .withApplyOrientation(applyOrientation)
                            .withSystemMessage(system)
                            .withProgress(bars);
            return Ocellus.open(folder, options);
        }
    }

    private static int once(
            Ocellus model, Question question, GenerationOptions generation, AnswerPrinter printer) {
        try (Session session = model.session()) {
            Reply reply = session.chat(question).options(generation);
            try (ShutdownGuard _ = new ShutdownGuard(reply::cancel)) {
                Answer answer = printer.print(reply);
                return answer.finishReason() == FinishReason.CANCELLED ? ShutdownGuard.EXIT : 0;
            }
        }
    }
}
