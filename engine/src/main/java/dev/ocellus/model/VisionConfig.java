package dev.ocellus.model;

import dev.ocellus.kernels.Activation;

/**
 * Shape of a vision transformer, with the names of {@code config.json}.
 *
 * @param imageHeight height for which the stored position table was made, likewise the width
 * @param qkvBias whether q, k and v have a bias
 * @param qkNormalization whether q and k are normalised over all heads together
 * @param rmsNorm root mean square norms instead of layer norms
 * @param finalNorm whether the last block is followed by a norm of the whole tower
 */
public record VisionConfig(
        String modelType,
        long hiddenSize,
        long intermediateSize,
        int numHiddenLayers,
        long numAttentionHeads,
        long numChannels,
        long imageHeight,
        long imageWidth,
        long patchSize,
        double layerNormEps,
        Activation hiddenAct,
        boolean qkvBias,
        boolean qkNormalization,
        boolean rmsNorm,
        boolean finalNorm) {}
