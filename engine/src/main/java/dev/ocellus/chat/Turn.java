package dev.ocellus.chat;

import java.util.List;

/**
 * A question, the images it brings, and its answer once there is one.
 *
 * @param question may hold {@code <image>} marks, one for each image, where the images stand in the
 *     text
 * @param answer null while the question is open
 */
public record Turn(String question, List<VisualInput> images, String answer) {
    /** Where an image stands in a question. */
    public static final String IMAGE_MARK = "<image>";

    public Turn {
        images = List.copyOf(images);
        long marks = marks(question);
        if (marks != 0 && marks != images.size()) {
            throw new IllegalArgumentException(
                    "the question has "
                            + marks
                            + " "
                            + IMAGE_MARK
                            + " marks for "
                            + images.size()
                            + " images; give one mark for each image, or none");
        }
    }

    public Turn answered(String text) {
        return new Turn(question, images, text);
    }

    /**
     * The question with a mark for each image: those it has, else marks in front, numbered when
     * there are several.
     */
    public String marked() {
        if (images.isEmpty() || question.contains(IMAGE_MARK)) {
            return question;
        }
        if (images.size() == 1) {
            return IMAGE_MARK + "\n" + question;
        }
        StringBuilder s = new StringBuilder();
        for (int i = 1; i <= images.size(); i++) {
            s.append("Image-").append(i).append(": ").append(IMAGE_MARK).append('\n');
        }
        return s.append(question).toString();
    }

    private static long marks(String text) {
        long n = 0;
        for (int at = text.indexOf(IMAGE_MARK); at >= 0; at = text.indexOf(IMAGE_MARK, at + 1)) {
            n++;
        }
        return n;
    }
}
