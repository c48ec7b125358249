package dev.ocellus;

import dev.ocellus.generate.Generation;
import dev.ocellus.generate.StopText;
import dev.ocellus.loader.tokenizer.StreamingDecoder;
import dev.ocellus.loader.tokenizer.Tokenizer;

import java.util.List;
import java.util.function.Consumer;

/**
 * The text of an answer as its tokens come: whole characters, no stop string, no white space at
 * either end. For one thread.
 */
final class AnswerText implements Generation.TokenListener {
    private final StreamingDecoder decoder;
    private final StopText stop;
    private final Consumer<String> sink;
    private final Progress progress;
    private final StringBuilder all = new StringBuilder();
    private final StringBuilder space = new StringBuilder();

    AnswerText(
            Tokenizer tokenizer,
            List<String> stopStrings,
            Consumer<String> sink,
            Progress progress) {
        decoder = tokenizer.streaming(true);
        stop = new StopText(stopStrings);
        this.sink = sink;
        this.progress = progress;
    }

    @Override
    public boolean token(int id) {
        emit(stop.push(decoder.append(id)));
        return !stop.ended();
    }

    @Override
    public void prefilled(int done, int total) {
        progress.at(Progress.PROMPT, done, total);
    }

    /** The whole text, when no more tokens come. */
    String finish() {
        emit(stop.push(decoder.finish()) + stop.finish());
        return all.toString();
    }

    /** Hands text on, but holds white space back until something follows it. */
    private void emit(String text) {
        int end = text.length();
        while (end > 0 && Character.isWhitespace(text.charAt(end - 1))) {
            end--;
        }
        if (end == 0) {
            if (!all.isEmpty()) {
                space.append(text);
            }
            return;
        }
        String body = text.substring(0, end);
        String out = all.isEmpty() ? body.stripLeading() : space + body;
        space.setLength(0);
        space.append(text, end, text.length());
        all.append(out);
        sink.accept(out);
    }
}
