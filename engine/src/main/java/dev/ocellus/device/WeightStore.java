package dev.ocellus.device;

import dev.ocellus.plan.Packing;

import java.util.Collection;

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

    /**
     * Packs those of these weights that are not here yet, together, with all threads of the device.
     * Equal packings and those that are here already cost nothing. If one fails, none is kept.
     *
     * @param listener hears of it from the calling thread; null for silence
     * @throws IllegalStateException if closed
     */
    void pack(Collection<Packing> packings, Listener listener);

    /** Bytes that are packed now. */
    long bytes();

    /**
     * About how many of them lie in huge pages of the host; 0 where the system doesn't say, -1
     * where they don't lie in its memory.
     */
    long hugePageBytes();

    @Override
    void close();

    /** Hears how far packing is. */
    @FunctionalInterface
    interface Listener {
        /**
         * @param bytes packed so far
         * @param total bytes that will be packed
         */
        void packed(long bytes, long total);
    }
}
