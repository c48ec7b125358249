package dev.ocellus.measure;

import dev.ocellus.LoadedModel;

/** Samples the machine's ceilings between pieces of work. */
final class LimitProbe implements AutoCloseable {
    LimitProbe(LoadedModel model) {}

    void sample(boolean counts) {}

    MachineLimits limits() {
        return new MachineLimits(0, 0);
    }

    @Override
    public void close() {}
}
