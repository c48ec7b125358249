package dev.ocellus.generate;

import dev.ocellus.device.Device;

import java.lang.foreign.Arena;

/**
 * Chooses the tokens of one answer, each from the row of a step whose results it took last. A step
 * that fails or is cancelled changes nothing. For one thread at a time.
 */
sealed interface TokenChooser extends RowSink permits HostChooser, DeviceChooser {

    /**
     * The chooser for a device; each chooses the same tokens.
     *
     * @param occurred tokens that count for the repetition penalty from the start; those outside
     *     the vocabulary don't
     * @param arena owns what the chooser needs of the device's memory
     */
    static TokenChooser of(
            Device device, GenerationOptions options, int vocabulary, int[] occurred, Arena arena) {
        return device.choosesTokens()
                ? new DeviceChooser(device, options, vocabulary, occurred, arena)
                : new HostChooser(options, vocabulary, occurred);
    }

    /**
     * The next token; from now on it has occurred.
     *
     * @throws ArithmeticException if no logit is a number above negative infinity
     */
    int next();
}
