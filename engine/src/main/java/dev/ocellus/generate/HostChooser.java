package dev.ocellus.generate;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Chooses from logits in the thread that asks for the token. */
final class HostChooser implements TokenChooser {
    private final Sampler sampler;
    private long step;

    HostChooser(GenerationOptions options, int vocabulary, int[] occurred) {
        sampler = new Sampler(options, vocabulary);
        for (int id : occurred) {
            sampler.occurred(id);
        }
    }

    @Override
    public boolean wantsLogits() {
        return true;
    }

    @Override
    public void logits(MemorySegment logits, MemorySegment hidden) {
        float[] to = sampler.logits();
        MemorySegment.copy(logits, ValueLayout.JAVA_FLOAT, 0, to, 0, to.length);
    }

    @Override
    public int next() {
        int id = sampler.next(step);
        sampler.occurred(id);
        step++;
        return id;
    }
}
