package dev.ocellus.loader.tokenizer;

/**
 * Turns ids into text as they arrive. All returned strings together equal {@link Tokenizer#decode}
 * of all ids. Text is held back while a later id could still change it: an unfinished UTF-8
 * sequence, spaces that a clean-up may remove.
 *
 * <p>Not safe for use by several threads at once.
 */
public interface StreamingDecoder {

    /**
     * Takes the next id.
     *
     * @return the text that is finished with it; often empty
     */
    String append(int id);

    /**
     * Ends the sequence.
     *
     * @return the text that was still held back; the decoder must not be used afterwards
     */
    String finish();
}
