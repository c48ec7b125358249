package dev.ocellus.model;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;

import java.util.List;

/**
 * An image encoder of the transformer kind: pixels to one vector for the class token and each
 * patch.
 */
public sealed interface VisionTower permits ClipVision, InternVit {

    VisionConfig config();

    /**
     * States after the embedding and after each of the first {@code blocks} blocks.
     *
     * @param pixels float32 [images, channels, height, width], normalised
     * @return {@code blocks + 1} values [images, 1 + patches, hidden]
     */
    List<Value> states(Graph g, Value pixels, int blocks);

    /** The tower's last hidden state, from the state after the last block. */
    Value lastHiddenState(Graph g, Value lastState);

    /**
     * The pooled vector of each image [images, hidden], from rows of the last hidden state chosen
     * by an index (int32).
     */
    Value pooled(Graph g, Value lastHiddenState, Value classRows);
}
