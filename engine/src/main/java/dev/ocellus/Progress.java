package dev.ocellus;

/** Hears how far long work is. Called from the working thread, often: be quick. */
@FunctionalInterface
public interface Progress {
    /**
     * @param stage what is being done: "weights", "images", "prompt"
     * @param done units done
     * @param total units in all
     */
    void at(String stage, long done, long total);
}
