package dev.ocellus.model;

import dev.ocellus.kernels.Activation;

/**
 * Shape of a decoder-only language model, with the names of {@code config.json}.
 *
 * @param architecture the class name in the config, as in "Qwen2ForCausalLM"
 * @param attentionBias whether q, k and v have a bias
 * @param outputBias whether the attention's output projection has a bias
 * @param mlpBias whether the MLP's projections have a bias
 * @param partialRotaryFactor share of each head that is rotated
 */
public record DecoderConfig(
        String architecture,
        long vocabSize,
        long hiddenSize,
        long intermediateSize,
        int numHiddenLayers,
        long numAttentionHeads,
        long numKeyValueHeads,
        long headDim,
        double rmsNormEps,
        Activation hiddenAct,
        double ropeTheta,
        RopeScaling ropeScaling,
        double partialRotaryFactor,
        long maxPositionEmbeddings,
        boolean tieWordEmbeddings,
        boolean attentionBias,
        boolean outputBias,
        boolean mlpBias) {

    /** Values of a head that are rotated. */
    public long rotaryDim() {
        return (long) (headDim * partialRotaryFactor);
    }

    /**
     * Tokens that the model can attend to: the trained length, stretched where scaling of the
     * rotary embedding allows it.
     */
    public long contextLength() {
        double stretched =
                switch (ropeScaling) {
                    case RopeScaling.Linear l -> maxPositionEmbeddings * l.factor();
                    case RopeScaling.Dynamic d -> maxPositionEmbeddings * d.factor();
                    case RopeScaling.Yarn y -> y.originalMaxPositionEmbeddings() * y.factor();
                    default -> maxPositionEmbeddings;
                };
        return Math.max(maxPositionEmbeddings, (long) stretched);
    }

    /**
     * Rotary frequencies for a sequence of {@code length} tokens that may grow to {@code planned}.
     */
    public RopeFrequencies frequencies(long length, long planned) {
        return RopeFrequencies.of(
                ropeScaling,
                ropeTheta,
                rotaryDim(),
                maxPositionEmbeddings,
                length,
                Math.max(length, planned));
    }
}
