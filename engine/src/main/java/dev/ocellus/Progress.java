package dev.ocellus;

/** Hears how far long work is. Called from the working thread, often: be quick. */
@FunctionalInterface
public interface Progress {
    /** Packing weights when a model is opened; units are bytes. */
    String WEIGHTS = "weights";

    /** Making the visual tokens of an image; units are tiles. */
    String IMAGES = "images";

    /** Computing a prompt; units are tokens, those found in the cache among them. */
    String PROMPT = "prompt";

    /** Hears nothing. */
    Progress NONE = (stage, done, total) -> {};

    /**
     * @param stage what is being done: one of the names above
     * @param done units done
     * @param total units in all
     */
    void at(String stage, long done, long total);
}
