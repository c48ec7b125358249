package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.Answer;
import dev.ocellus.Reply;
import dev.ocellus.generate.FinishReason;

import java.io.PrintWriter;
import java.util.Locale;

/** Prints answers as they come, or as JSON, and a line of figures after each. */
final class AnswerPrinter {
    private final PrintWriter out;
    private final PrintWriter err;
    private final boolean json;
    private final boolean quiet;

    AnswerPrinter(PrintWriter out, PrintWriter err, boolean json, boolean quiet) {
        this.out = out;
        this.err = err;
        this.json = json;
        this.quiet = quiet;
    }

    /** Generates and prints an answer. */
    Answer print(Reply reply) {
        if (json) {
            Answer answer = reply.answer();
            JsonOutput.printLine(out, json(answer));
            return answer;
        }
        Answer answer = stream(reply);
        if (!quiet) {
            err.println(figures(answer));
            err.flush();
        }
        return answer;
    }

    /** Generates an answer and prints its text. */
    Answer stream(Reply reply) {
        boolean[] begun = new boolean[1];
        try (Bars bars = Bars.ofThings()) {
            Answer answer =
                    reply.progress(bars).stream(
                            piece -> {
                                bars.hide();
                                begun[0] = true;
                                out.print(piece);
                                out.flush();
                            });
            begun[0] = true;
            return answer;
        } finally {
            if (begun[0]) {
                out.println();
                out.flush();
            }
        }
    }

    /** How long the answer is and how fast it came, in one line. */
    static String figures(Answer a) {
        StringBuilder s = new StringBuilder("[");
        s.append(a.tokenIds().size()).append(a.tokenIds().size() == 1 ? " token" : " tokens");
        if (!Double.isNaN(a.tokensPerSecond())) {
            s.append(", ").append(Units.rate(a.tokensPerSecond())).append(" tokens/s");
        }
        s.append("; prompt of ").append(a.promptTokens());
        if (a.reusedTokens() > 0) {
            s.append(", ").append(a.reusedTokens()).append(" reused");
        }
        s.append(": ");
        if (a.timings().imageNanos() > 0) {
            s.append("images ").append(Units.time(a.timings().imageNanos())).append(", ");
        }
        s.append("prefill ").append(Units.time(a.timings().prefillNanos()));
        String end =
                switch (a.finishReason()) {
                    case STOP_TOKEN, STOP_STRING -> "";
                    case MAX_TOKENS -> "; cut at --max-tokens";
                    case CONTEXT_FULL -> "; the context is full";
                    case CANCELLED -> "; cancelled";
                };
        return s.append(end).append("]").toString();
    }

    private static ObjectNode json(Answer a) {
        ObjectNode node = JsonOutput.object();
        node.put("text", a.text());
        a.tokenIds().forEach(node.putArray("token_ids")::add);
        node.put("finish_reason", name(a.finishReason()));
        node.put("prompt_tokens", a.promptTokens());
        node.put("reused_tokens", a.reusedTokens());
        node.put("image_seconds", a.timings().imageNanos() * 1e-9);
        node.put("prefill_seconds", a.timings().prefillNanos() * 1e-9);
        node.put("decode_seconds", a.timings().decodeNanos() * 1e-9);
        if (Double.isNaN(a.tokensPerSecond())) {
            node.putNull("tokens_per_second");
        } else {
            node.put("tokens_per_second", a.tokensPerSecond());
        }
        return node;
    }

    private static String name(FinishReason reason) {
        return reason.name().toLowerCase(Locale.ROOT);
    }
}
