package dev.ocellus.chat;

import dev.ocellus.loader.template.ChatTemplate;
import dev.ocellus.loader.template.Message;
import dev.ocellus.loader.tokenizer.Tokenizer;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** How a conversation becomes the text that a model was trained on. Immutable and thread-safe. */
public sealed interface ChatFormat {

    /**
     * Text of the conversation up to the answer, with one {@link #imageMark} for each image in
     * order.
     *
     * @param system system message, or null for the format's own
     */
    String render(List<Turn> turns, String system);

    /** What stands for an image in the rendered text. */
    String imageMark();

    /** Tokens that end an answer. */
    Set<Integer> stopTokens();

    /** Text that ends an answer where that is not a single token; else empty. */
    List<String> stopStrings();

    /** Whether the tokenizer's own first and last tokens go around the rendered text. */
    boolean addSpecialTokens(String rendered);

    /**
     * Whether a repetition penalty counts the prompt: in the original code generation starts from
     * embeddings and sees no prompt ids.
     */
    boolean penalisePrompt();

    /** A template of the original code. */
    record Original(
            ConversationTemplate template, Set<Integer> stopTokens, List<String> stopStrings)
            implements ChatFormat {

        public static Original of(ConversationTemplate template, Tokenizer tokenizer) {
            Set<Integer> stops = new LinkedHashSet<>();
            tokenizer.id(template.stop()).ifPresent(stops::add);
            List<String> text = stops.isEmpty() ? List.of(template.stop()) : List.of();
            return new Original(template, Set.copyOf(stops), text);
        }

        @Override
        public String render(List<Turn> turns, String system) {
            return template.render(turns, system);
        }

        @Override
        public String imageMark() {
            return Turn.IMAGE_MARK;
        }

        @Override
        public boolean addSpecialTokens(String rendered) {
            return true;
        }

        @Override
        public boolean penalisePrompt() {
            return false;
        }
    }

    /** The checkpoint's own chat template, as the transformers library applies it. */
    record Jinja(
            ChatTemplate template,
            Map<String, Object> variables,
            String imageMark,
            Optional<String> bosToken,
            Set<Integer> stopTokens)
            implements ChatFormat {

        @Override
        public String render(List<Turn> turns, String system) {
            List<Message> messages = new ArrayList<>();
            if (system != null) {
                messages.add(Message.text("system", system));
            }
            for (Turn t : turns) {
                messages.add(new Message("user", parts(t)));
                if (t.answer() != null) {
                    messages.add(Message.text("assistant", t.answer()));
                }
            }
            return template.render(messages, variables, true);
        }

        /**
         * Images where their marks stand, else in front of the text. A line break after a mark
         * belongs to the mark, since templates write their own.
         */
        private static List<Message.Part> parts(Turn turn) {
            List<Message.Part> parts = new ArrayList<>();
            if (!turn.question().contains(Turn.IMAGE_MARK)) {
                turn.images().forEach(i -> parts.add(new Message.Part.Image()));
            }
            String[] texts = turn.question().split(Turn.IMAGE_MARK, -1);
            addText(parts, texts[0]);
            for (int i = 1; i < texts.length; i++) {
                parts.add(new Message.Part.Image());
                addText(parts, texts[i].startsWith("\n") ? texts[i].substring(1) : texts[i]);
            }
            return parts;
        }

        private static void addText(List<Message.Part> parts, String text) {
            if (!text.isEmpty()) {
                parts.add(new Message.Part.Text(text));
            }
        }

        @Override
        public List<String> stopStrings() {
            return List.of();
        }

        @Override
        public boolean addSpecialTokens(String rendered) {
            return bosToken.isEmpty() || !rendered.startsWith(bosToken.get());
        }

        @Override
        public boolean penalisePrompt() {
            return true;
        }
    }

    /**
     * No template: the questions and answers as they are, for models that were not trained to
     * converse.
     */
    record Plain(Set<Integer> stopTokens) implements ChatFormat {

        @Override
        public String render(List<Turn> turns, String system) {
            StringBuilder s = new StringBuilder(system == null ? "" : system + "\n");
            for (Turn t : turns) {
                s.append(t.marked()).append(t.answer() == null ? "" : t.answer() + "\n");
            }
            return s.toString();
        }

        @Override
        public String imageMark() {
            return Turn.IMAGE_MARK;
        }

        @Override
        public List<String> stopStrings() {
            return List.of();
        }

        @Override
        public boolean addSpecialTokens(String rendered) {
            return true;
        }

        @Override
        public boolean penalisePrompt() {
            return true;
        }
    }
}
