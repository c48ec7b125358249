package dev.ocellus.chat;

import dev.ocellus.generate.Prompt;
import dev.ocellus.loader.tokenizer.Tokenizer;

import java.util.List;

/**
 * Makes token prompts of conversations: renders, puts image placeholders in, encodes, and says
 * which token shows which image.
 */
public final class PromptBuilder {
    private static final String IMAGE_START = "<img>";
    private static final String IMAGE_END = "</img>";

    private final ChatFormat format;
    private final Tokenizer tokenizer;
    private final String placeholder;
    private final int placeholderId;
    private final long vocabulary;

    /**
     * @param placeholder text of the visual token; null for models without images
     */
    public PromptBuilder(
            ChatFormat format, Tokenizer tokenizer, String placeholder, long vocabulary) {
        this.format = format;
        this.tokenizer = tokenizer;
        this.placeholder = placeholder;
        this.vocabulary = vocabulary;
        placeholderId =
                placeholder == null
                        ? -1
                        : tokenizer
                                .id(placeholder)
                                .orElseThrow(
                                        () ->
                                                new IllegalArgumentException(
                                                        "the tokenizer has no token "
                                                                + placeholder
                                                                + ", which stands for image content"));
    }

    /**
     * @param system system message, or null for the format's own
     * @param features of all images of all turns, in order
     */
    public Prompt build(List<Turn> turns, String system, Prompt.Features features) {
        List<VisualInput> images = turns.stream().flatMap(t -> t.images().stream()).toList();
        if (placeholder == null && !images.isEmpty()) {
            throw new IllegalArgumentException("this model reads text only; leave the images out");
        }
        String rendered = format.render(turns, system);
        String text = expand(rendered, images);
        int[] ids = tokenizer.encode(text, format.addSpecialTokens(rendered));
        return prompt(ids, images, features);
    }

    /** Replaces each mark, first come first, by the placeholders of its image. */
    private String expand(String rendered, List<VisualInput> images) {
        StringBuilder s = new StringBuilder();
        int from = 0;
        for (int i = 0; i < images.size(); i++) {
            int at = rendered.indexOf(format.imageMark(), from);
            if (at < 0) {
                throw new IllegalArgumentException(
                        "the conversation shows "
                                + i
                                + " "
                                + format.imageMark()
                                + " marks for "
                                + images.size()
                                + " images; the chat template does not place images");
            }
            s.append(rendered, from, at).append(IMAGE_START);
            s.repeat(placeholder, images.get(i).tokens()).append(IMAGE_END);
            from = at + format.imageMark().length();
        }
        return s.append(rendered, from, rendered.length()).toString();
    }

    private Prompt prompt(int[] ids, List<VisualInput> images, Prompt.Features features) {
        long[] keys = new long[ids.length];
        int[] imageOf = new int[ids.length];
        int[] rowOf = new int[ids.length];
        int image = 0;
        int row = 0;
        for (int i = 0; i < ids.length; i++) {
            imageOf[i] = -1;
            keys[i] = ids[i];
            if (ids[i] == placeholderId) {
                while (image < images.size() && row == images.get(image).tokens()) {
                    image++;
                    row = 0;
                }
                if (image == images.size()) {
                    throw new IllegalArgumentException(
                            "the text holds "
                                    + placeholder
                                    + ", which stands for image content; take it out");
                }
                imageOf[i] = image;
                rowOf[i] = row;
                keys[i] = images.get(image).key().token(row++);
            } else if (ids[i] < 0 || ids[i] >= vocabulary) {
                throw new IllegalArgumentException(
                        "the tokenizer gives id "
                                + ids[i]
                                + " and the model's vocabulary has "
                                + vocabulary
                                + " tokens; tokenizer and model do not belong together");
            }
        }
        return new Prompt(ids, keys, imageOf, rowOf, features);
    }

    public Tokenizer tokenizer() {
        return tokenizer;
    }

    public ChatFormat format() {
        return format;
    }
}
