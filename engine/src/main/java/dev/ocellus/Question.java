package dev.ocellus;

import dev.ocellus.loader.image.RgbImage;

import java.util.List;

/**
 * What a model is asked: text, and images that the text is about.
 *
 * @param text may hold {@code <image>} marks, one for each image, where the images stand in it;
 *     without marks they come first
 */
public record Question(String text, List<RgbImage> images) {
    public Question {
        images = List.copyOf(images);
    }

    public static Question of(String text) {
        return new Question(text, List.of());
    }

    public static Question of(RgbImage image, String text) {
        return new Question(text, List.of(image));
    }
}
