package dev.ocellus.model;

/**
 * What a plan of a language-model step has room for.
 *
 * @param tokens rows of all sequences together
 * @param sequences rows of the page table
 * @param maxPages cache pages of a sequence
 * @param logits rows of which logits and final hidden states are wanted
 * @param embeddings whether rows may come as embeddings (image tokens) instead of ids
 * @param hiddenStates whether the output of every layer is kept
 * @param choice whether the step chooses the tokens that follow those rows, see {@link
 *     dev.ocellus.device.Device#choosesTokens}
 */
public record StepCapacity(
        long tokens,
        long sequences,
        long maxPages,
        long logits,
        boolean embeddings,
        boolean hiddenStates,
        boolean choice) {}
