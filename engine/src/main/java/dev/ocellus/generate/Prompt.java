package dev.ocellus.generate;

import java.lang.foreign.MemorySegment;

/**
 * Tokens for a language model, some of which are visual: their embeddings come from image features
 * instead of the table.
 *
 * @param ids token ids; of no meaning where a token is visual
 * @param keys what each token is, for the comparison with a cache: the id, or a number made of the
 *     image's content and the place in it
 * @param imageOf index of the image of each token, or -1
 * @param rowOf row in the image's features of each visual token
 * @param features of the images
 */
public record Prompt(int[] ids, long[] keys, int[] imageOf, int[] rowOf, Features features) {

    /** Features of images by index, made when they are needed. */
    @FunctionalInterface
    public interface Features {
        /** float32 [rows, hidden], good as long as the prompt is in use. */
        MemorySegment of(int image);
    }

    /** A prompt of text tokens only. */
    public static Prompt of(int[] ids) {
        long[] keys = new long[ids.length];
        int[] none = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            keys[i] = ids[i];
            none[i] = -1;
        }
        return new Prompt(
                ids,
                keys,
                none,
                new int[ids.length],
                image -> {
                    throw new IllegalStateException("a prompt of text has no image " + image);
                });
    }

    public int length() {
        return ids.length;
    }
}
