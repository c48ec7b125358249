package dev.ocellus.kernels.cuda;

/**
 * Chooses a token for each row of logits: repetition penalty, temperature, top-k, top-p and min-p,
 * in this order, then a draw with Philox 4x32-10 (Salmon et al. 2011) of the row's seed and step.
 * Addresses are device addresses; the rules of {@link dev.ocellus.kernels.KernelCall} on rows hold.
 *
 * <p>Logits that are not a number count as minus infinity. Of equal tokens the first is the best.
 * Weights are summed in fixed point, so that the token does not depend on the order of a sum.
 *
 * <p>The order of the components is that of the structure in {@code kernels/cuda/sampling.cuh}.
 *
 * @param logits float32 [rows, ldl], {@code ldl} elements between rows
 * @param options {@link SampleOptions} [rows], read when the work runs
 * @param seen which tokens occurred, one bit each: int32 [rows, ceil(vocabulary / 32)], the first
 *     token in the lowest bit; the chosen token is added. 0 where no row has a repetition penalty
 * @param tokens int32 [rows], receives the tokens; -1 where no logit is above minus infinity
 * @param candidates how many of the most likely tokens are wanted beside, at most {@value
 *     #MAX_CANDIDATES} and the vocabulary; 0 for none
 * @param candidateIds int32 [rows, candidates], the most likely first, equal ones by id; -1 where
 *     the token is
 * @param candidateScores float32 [rows, candidates], the logarithms of their probabilities after
 *     penalty and temperature; of no meaning where a logit is infinite
 * @param vocabulary number of tokens, less than 2^26
 */
public record SampleCall(
        long logits,
        long ldl,
        long options,
        long seen,
        long tokens,
        long candidates,
        long candidateIds,
        long candidateScores,
        long rows,
        long rowCount,
        long vocabulary) {
    public static final int MAX_CANDIDATES = 1024;

    private static final long MAX_VOCABULARY = 1L << 26;

    public SampleCall {
        if (vocabulary < 1 || vocabulary >= MAX_VOCABULARY) {
            throw new IllegalArgumentException(
                    "a vocabulary of %d tokens; 1 to %d can be sampled on a GPU"
                            .formatted(vocabulary, MAX_VOCABULARY - 1));
        }
        if (candidates < 0 || candidates > Math.min(MAX_CANDIDATES, vocabulary)) {
            throw new IllegalArgumentException(
                    "%d candidates of %d tokens; %d at most"
                            .formatted(
                                    candidates, vocabulary, Math.min(MAX_CANDIDATES, vocabulary)));
        }
    }
}
