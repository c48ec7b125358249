package dev.ocellus.tools;

import dev.ocellus.Ocellus;
import dev.ocellus.Question;
import dev.ocellus.Reply;
import dev.ocellus.Session;
import dev.ocellus.generate.GenerationOptions;
import dev.ocellus.loader.image.RgbImage;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** A conversation line by line. What goes wrong with one line does not end it. */
final class ChatLoop {
    private static final String HELP =
            """
            /image FILE   show an image with the next question; several are possible
            /reset        begin a new conversation
            /quit         end, as does Ctrl-D
            /help         this
            Anything else is a question. Ctrl-C ends an answer.""";

    private final Ocellus model;
    private final GenerationOptions generation;
    private final AnswerPrinter printer;
    private final Function<Path, RgbImage> images;
    private final PrintWriter err;
    private final List<RgbImage> pending = new ArrayList<>();
    private Session session;

    /**
     * @param images reads an image file
     * @param err gets everything that is not an answer
     */
    ChatLoop(
            Ocellus model,
            GenerationOptions generation,
            AnswerPrinter printer,
            Function<Path, RgbImage> images,
            PrintWriter err) {
        this.model = model;
        this.generation = generation;
        this.printer = printer;
        this.images = images;
        this.err = err;
    }

    /** Shows images with the next question. */
    void add(List<RgbImage> more) {
        pending.addAll(more);
    }

    /** Reads and answers until the lines end. Returns the exit code. */
    int run(LinePrompt lines) throws IOException {
        say(model.description());
        say("/help lists the commands");
        session = model.session();
        try {
            for (String line = lines.read(); line != null; line = lines.read()) {
                String text = line.strip();
                if (text.equals("/quit") || text.equals("/exit")) {
                    break;
                }
                try {
                    take(text, lines);
                } catch (RuntimeException e) {
                    say(Failures.line(e, false));
                }
            }
            return 0;
        } finally {
            session.close();
        }
    }

    private void take(String line, LinePrompt lines) {
        if (line.isEmpty()) {
            return;
        }
        if (!line.startsWith("/")) {
            ask(line, lines);
            return;
        }
        String[] words = line.split("\\s+", 2);
        switch (words[0]) {
            case "/image" -> show(words.length < 2 ? "" : words[1]);
            case "/reset" -> {
                session.close();
                session = model.session();
                pending.clear();
                say("a new conversation");
            }
            case "/help" -> say(HELP);
            default -> say(words[0] + " is not a command; /help lists them");
        }
    }

    private void show(String file) {
        if (file.isEmpty()) {
            say("/image needs the name of a file");
            return;
        }
        RgbImage image = images.apply(Path.of(file));
        pending.add(image);
        say("%d x %d pixels, goes with the next question".formatted(image.width(), image.height()));
    }

    private void ask(String text, LinePrompt lines) {
        Reply reply = session.chat(new Question(text, pending)).options(generation);
        lines.interruptible(() -> printer.print(reply), reply::cancel);
        pending.clear();
    }

    private void say(String text) {
        err.println(text);
        err.flush();
    }
}
