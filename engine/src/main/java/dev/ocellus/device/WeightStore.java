package dev.ocellus.device;

import dev.ocellus.plan.Packing;

/**
 * The packed weights of one model on one device: packed when first asked for, shared by all plans
 * and sessions, freed together. Thread-safe.
 */
public interface WeightStore extends AutoCloseable {

    /**
     * Address of the packed weights.
     *
     * @throws IllegalStateException if closed
     */
    long address(Packing packing);

    /** Bytes that are packed now. */
    long bytes();

    /** Told about each packing as it ends; null ends that. */
    void listener(Listener listener);

    @Override
    void close();

    /** Hears of packed weights. */
    @FunctionalInterface
    interface Listener {
        void packed(Packing packing);
    }
}
