package dev.ocellus.generate;

import dev.ocellus.device.Run;
import dev.ocellus.model.RopeFrequencies;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Fills the inputs of a language-model step, without allocating. */
final class StepInputs {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private StepInputs() {}

    /** Page table and rotary frequencies of sequence {@code s}. */
    static void sequence(Run run, int s, KvCache cache, long maxPages, RopeFrequencies f) {
        MemorySegment pages = run.input("pages");
        for (int i = 0; i < cache.pageCount(); i++) {
            pages.setAtIndex(ValueLayout.JAVA_LONG, s * maxPages + i, cache.page(i));
        }
        MemorySegment inverse = run.input("inverse_frequencies");
        for (int j = 0; j < f.half(); j++) {
            inverse.setAtIndex(FLOAT, (long) s * f.half() + j, f.inverse(j));
        }
        run.input("rope_scale").setAtIndex(FLOAT, s, f.scale());
    }

    /** A row: a token of sequence {@code s} whose slot in the cache is its position as well. */
    static void row(Run run, int row, int id, int s, int at) {
        run.input("ids").setAtIndex(INT, row, id);
        run.input("sequence").setAtIndex(INT, row, s);
        run.input("slot").setAtIndex(INT, row, at);
        run.input("position").setAtIndex(INT, row, at);
    }

    /** The embedding of a row that shows part of an image, or word that it has none. */
    static void embedding(Run run, int row, Prompt prompt, int token, long hidden) {
        int image = prompt.imageOf()[token];
        run.input("embedding_index").setAtIndex(INT, row, image < 0 ? -1 : row);
        if (image >= 0) {
            MemorySegment.copy(
                    prompt.features().of(image),
                    prompt.rowOf()[token] * hidden * 4,
                    run.input("embeddings"),
                    row * hidden * 4,
                    hidden * 4);
        }
    }
}
