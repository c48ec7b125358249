package dev.ocellus.tools;

import dev.ocellus.Answer;
import dev.ocellus.ModelInfo;
import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.Question;
import dev.ocellus.Reply;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;

/** The bundled model on the bundled images. */
@Command(
        name = "demo",
        description = "Shows a small bundled model answering questions about bundled images.")
final class DemoCommand implements Callable<Integer> {
    private static final Path MODEL = Path.of("tools", "demo", "internvl-shapes");

    private static final List<Sample> SAMPLES =
            List.of(
                    new Sample("scene-2.png", "Describe the image."),
                    new Sample("scene-4.png", "How many objects are there?"),
                    new Sample("scene-6.png", "What colour is the ring?"),
                    new Sample("scene-7.png", "Is there a green square?"),
                    new Sample(
                            "scene-5.png",
                            "Please provide the bounding box coordinate of the region this sentence describes: <ref>pink square</ref>"),
                    new Sample("scene-8.png", "Describe the image."));

    private record Sample(String image, String question) {}

    @Spec private CommandSpec spec;

    @Mixin private DeviceOption device;

    @Override
    public Integer call() {
        OpenOptions options = OpenOptions.DEFAULT.withDeviceChoice(device.choice());
        PrintWriter out = spec.commandLine().getOut();
        Path folder = folder();
        ModelInfo info = ModelInfo.of(folder, options);
        out.println(
                "internvl-shapes, %s parameters, on %s"
                        .formatted(Units.count(info.parameters()), info.device()));
        out.println("It was trained on coloured shapes and knows nothing else.");
        try (Ocellus model = Ocellus.open(folder, options)) {
            for (Sample s : SAMPLES) {
                show(model, folder.resolve("samples").resolve(s.image()), s.question(), out);
            }
        }
        next(folder, out);
        return 0;
    }

    private void show(Ocellus model, Path image, String question, PrintWriter out) {
        out.println();
        out.println("image     " + image);
        out.println("question  " + question);
        out.print("answer    ");
        out.flush();
        Reply reply = model.chat(Question.of(ImageFiles.read(image, false), question));
        Answer answer;
        try (ShutdownGuard _ = new ShutdownGuard(reply::cancel)) {
            answer = new AnswerPrinter(out, out, false, true).stream(reply);
        }
        out.println("          " + AnswerPrinter.figures(answer));
        out.flush();
    }

    private static void next(Path folder, PrintWriter out) {
        Path image = folder.resolve("samples").resolve("scene-1.png");
        out.println();
        out.println("Next:");
        new TextTable("ll")
                .row(
                        "  tools/ocellus chat %s --image %s".formatted(folder, image),
                        "ask it yourself")
                .row("  tools/ocellus info " + folder, "what it is and needs")
                .row("  tools/ocellus --help", "all commands")
                .print(out);
        out.println(
                "With the folder of an InternVL checkpoint (safetensors) in its place, chat and info run that.");
        out.flush();
    }

    /** The bundled model, relative to the current folder where that is shorter. */
    static Path folder() {
        Path home = Path.of(System.getProperty("ocellus.home", "")).toAbsolutePath();
        Path folder = home.resolve(MODEL);
        if (!Files.isDirectory(folder)) {
            throw new UserException(
                    folder
                            + ": the demo model is not there; start the demo with tools/ocellus demo");
        }
        Path here = Path.of("").toAbsolutePath();
        return folder.startsWith(here) ? here.relativize(folder) : folder;
    }
}
