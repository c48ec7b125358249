package dev.ocellus.model;

import dev.ocellus.kernels.Activation;

/**
 * Shape of an InternVL chat model, from either layout.
 *
 * @param transformersLayout whether the checkpoint is in the layout of the transformers library
 * @param selectLayer hidden state of the tower that is used; negative counts from the end
 * @param downsampleRatio side of the token grid after the pixel unshuffle over that before
 * @param transposedGrid whether the unshuffle leaves the grid transposed ({@code ps_version} v1)
 * @param template conversation template, or null when the checkpoint has a chat template
 * @param imageTokenId id of the image placeholder, or -1 when the tokenizer tells
 * @param systemMessage system text of the config, or null for the template's own
 */
public record InternVlConfig(
        VisionConfig vision,
        DecoderConfig language,
        boolean transformersLayout,
        int selectLayer,
        double downsampleRatio,
        Activation projectorHiddenAct,
        boolean transposedGrid,
        String template,
        String systemMessage,
        long imageTokenId,
        int imageSize,
        boolean dynamicImageSize,
        boolean useThumbnail,
        int minDynamicPatch,
        int maxDynamicPatch,
        boolean pad2square) {

    /** Side of the square of neighbouring tokens that become one. */
    public long block() {
        return Math.round(1 / downsampleRatio);
    }

    /** Blocks of the tower that are run for the selected hidden state. */
    public int visionBlocks() {
        return selectLayer < 0 ? vision.numHiddenLayers() + 1 + selectLayer : selectLayer;
    }

    /** Visual tokens of one tile of the given size in pixels. */
    public long tokensPerTile(long height, long width) {
        return height / vision.patchSize() / block() * (width / vision.patchSize() / block());
    }
}
